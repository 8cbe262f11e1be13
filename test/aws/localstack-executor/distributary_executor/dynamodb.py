"""LocalStack fetches DynamoDB Local from an address of its own; here it is what Maven fetched, named by two variables."""

import os
import shutil

from localstack.runtime import hooks

# LocalStack starts it in a group of its own, which would outlive a LocalStack that is killed.
WITH_PARENT = ["setpriv", "--pdeathsig", "KILL", "--"] if shutil.which("setpriv") else []


@hooks.on_infra_start()
def use_dynamodb_local():
    java, jars = os.environ.get("DYNAMODB_LOCAL_JAVA"), os.environ.get("DYNAMODB_LOCAL_JARS")
    if not java or not jars:
        return
    from localstack import config
    from localstack.services.dynamodb.packages import DynamoDBLocalPackageInstaller
    from localstack.services.dynamodb.server import DynamodbServer

    def command(server):
        main = "com.amazonaws.services.dynamodbv2.local.main.ServerRunner"
        places = [f"-Djava.io.tmpdir={config.dirs.tmp}", f"-Djava.library.path={jars}"]
        return [*WITH_PARENT, java, f"-Xmx{server.heap_size}", *places, "-cp", f"{jars}/*", main] + [
            *("-port", str(server.port)),
            "-inMemory",
        ]

    DynamoDBLocalPackageInstaller.install = lambda self, target=None: None
    DynamoDBLocalPackageInstaller.get_java_env_vars = lambda self: {}
    DynamodbServer._create_shell_command = command
