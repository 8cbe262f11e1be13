"""Custom resources behind a function, which LocalStack's core leaves out of a stack: called as CloudFormation calls them."""

import json
import threading
import uuid
from http.server import BaseHTTPRequestHandler, HTTPServer

from localstack.services.cloudformation.resource_provider import (
    CloudFormationResourceProviderPlugin,
    OperationStatus,
    ProgressEvent,
    ResourceProvider,
)

HOST = "127.0.0.1"
# CloudFormation's own limit where the template says none.
LONGEST_SECONDS = 3600


class CustomResourceProviderPlugin(CloudFormationResourceProviderPlugin):
    name = "AWS::CloudFormation::CustomResource"

    def __init__(self):
        self.factory = None

    def load(self):
        self.factory = CustomResourceProvider


class CustomResourceProvider(ResourceProvider):
    """Its model is what the template says, what the function said of itself, and `Id`, the name that it gave."""

    SCHEMA = {"typeName": CustomResourceProviderPlugin.name, "properties": {}, "primaryIdentifier": ["/properties/Id"]}

    def create(self, request):
        return ask(request, "Create", {})

    def update(self, request):
        before = request.previous_state or {}
        return ask(request, "Update", {"PhysicalResourceId": before.get("Id"), "OldResourceProperties": before})

    def delete(self, request):
        return ask(request, "Delete", {"PhysicalResourceId": request.desired_state.get("Id")})


def ask(request, request_type, more):
    properties = request.desired_state
    door = AnswerDoor()
    event = {
        "RequestType": request_type,
        "RequestId": str(uuid.uuid4()),
        "ResponseURL": door.url,
        "ServiceToken": properties["ServiceToken"],
        "StackId": request.stack_id,
        "LogicalResourceId": request.logical_resource_id,
        "ResourceType": request.resource_type,
        "ResourceProperties": properties,
        **more,
    }
    functions = request.aws_client_factory.lambda_
    functions.get_waiter("function_updated_v2").wait(FunctionName=properties["ServiceToken"])
    # Waited for, in a thread: events for a function that has just been updated get lost here.
    asking = {"FunctionName": properties["ServiceToken"], "Payload": json.dumps(event)}
    threading.Thread(target=functions.invoke, kwargs=asking, daemon=True).start()
    answer = door.wait(float(properties.get("ServiceTimeout", LONGEST_SECONDS)))
    if answer.get("Status") != "SUCCESS":
        return ProgressEvent(OperationStatus.FAILED, resource_model={}, message=answer.get("Reason", "no reason given"))
    model = {**properties, **answer.get("Data", {}), "Id": answer["PhysicalResourceId"]}
    return ProgressEvent(OperationStatus.SUCCESS, resource_model=model)


class AnswerDoor:
    """An address that takes one answer."""

    def __init__(self):
        self.answered = threading.Event()
        self.answer = {"Reason": "the function has not answered in time"}
        self.server = HTTPServer((HOST, 0), self._handler())
        self.url = f"http://{HOST}:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def wait(self, seconds):
        self.answered.wait(seconds)
        self.server.shutdown()
        self.server.server_close()
        return self.answer

    def _handler(door):
        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self):
                door.answer = json.loads(self.rfile.read(int(self.headers["content-length"])))
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()
                door.answered.set()

            def log_message(self, *_):
                pass

        return Handler
