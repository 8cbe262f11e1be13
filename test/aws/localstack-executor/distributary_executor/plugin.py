"""LAMBDA_RUNTIME_EXECUTOR=process: functions of Node run as child processes, where LocalStack would start a container."""

from localstack.services.lambda_.invocation.plugins import RuntimeExecutorPlugin


class ProcessExecutorPlugin(RuntimeExecutorPlugin):
    name = "process"

    def load(self, *args, **kwargs):
        # Imported late: LocalStack looks through its plug-ins before its configuration is complete.
        from .executor import ProcessExecutor

        return ProcessExecutor
