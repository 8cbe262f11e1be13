"""One execution environment of a function: a process of Node that speaks LocalStack's init protocol (bootstrap.cjs)."""

import os
import shutil
import subprocess
from pathlib import Path

from localstack import config
from localstack.services.lambda_.invocation.executor_endpoint import ExecutorEndpoint
from localstack.services.lambda_.invocation.runtime_executor import RuntimeExecutor
from localstack.utils.net import get_free_tcp_port

BOOTSTRAP = Path(__file__).parent / "bootstrap.cjs"
HOST = "127.0.0.1"
# A function sees nothing else of our environment.
INHERITED = ("PATH", "HOME", "TMPDIR", "LANG")
STOP_SECONDS = 5


class ProcessExecutor(RuntimeExecutor):
    def __init__(self, id, function_version):
        super().__init__(id=id, function_version=function_version)
        self.port = get_free_tcp_port()
        self.executor_endpoint = ExecutorEndpoint(id, container_address=HOST, container_port=self.port)
        self.process = None
        self.log = Path(config.dirs.tmp) / f"function-{id}.log"

    def start(self, env_vars):
        settings = self.function_version.config
        if not (settings.runtime or "").startswith("nodejs"):
            raise RuntimeError(f"runtime {settings.runtime}: this executor runs Node only")
        self.executor_endpoint.start()
        folder = str(settings.code.get_unzipped_code_location())
        environment = {
            **{name: os.environ[name] for name in INHERITED if name in os.environ},
            **{name: str(value) for name, value in env_vars.items()},
            # LocalStack says it by a name that its own containers resolve.
            "AWS_ENDPOINT_URL": f"http://{HOST}:{config.GATEWAY_LISTEN[0].port}",
            "LAMBDA_TASK_ROOT": folder,
            "EXECUTOR_PORT": str(self.port),
            "EXECUTOR_ID": self.id,
            "TZ": "UTC",
        }
        heap = max(64, int(settings.memory_size))
        command = [shutil.which("node"), f"--max-old-space-size={heap}", str(BOOTSTRAP)]
        with self.log.open("wb") as log:
            # In LocalStack's process group, so that it ends with it.
            self.process = subprocess.Popen(
                command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self.executor_endpoint.wait_for_startup()

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(STOP_SECONDS)
        self.executor_endpoint.shutdown()

    def get_address(self):
        return HOST

    def get_endpoint_from_executor(self):
        return HOST

    def get_runtime_endpoint(self):
        return f"http://{HOST}:{config.GATEWAY_LISTEN[0].port}{self.executor_endpoint.get_endpoint_prefix()}"

    def invoke(self, payload):
        return self.executor_endpoint.invoke(payload)

    def get_logs(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    @classmethod
    def prepare_version(cls, function_version):
        if function_version.config.code:
            function_version.config.code.prepare_for_execution()

    @classmethod
    def cleanup_version(cls, function_version):
        pass
