"""A gRPC peer traced by OpenTelemetry for Python.

`peer.py serve` prints its port, and answers for `test.Echo` until its standard input ends.
`peer.py call ADDRESS METHOD MESSAGE [SECONDS]` makes one call, and prints what came of it as JSON. `Bidi` is cancelled
when a message `cancel` has come back.
"""

import json
import sys
import threading
from concurrent import futures

import grpc
from opentelemetry import trace
from opentelemetry.instrumentation.grpc import GrpcInstrumentorClient, server_interceptor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

SPANS = InMemorySpanExporter()
PROVIDER = TracerProvider()
PROVIDER.add_span_processor(SimpleSpanProcessor(SPANS))
trace.set_tracer_provider(PROVIDER)
CODES = {code.value[0]: code for code in grpc.StatusCode}


def encode(text):
    return text.encode()


def decode(data):
    return data.decode()


def ids(span):
    context = span.get_span_context()
    parent = getattr(span, "parent", None)
    return {
        "trace": format(context.trace_id, "032x"),
        "span": format(context.span_id, "016x"),
        "parent": format(parent.span_id, "016x") if parent else "",
    }


def answer(message, context):
    word, _, rest = message.partition(" ")
    if word == "status":
        code, _, details = rest.partition(" ")
        context.abort(CODES[int(code)], details)
    if word == "context":
        return json.dumps(ids(trace.get_current_span()))
    if word == "wait":
        gone = threading.Event()
        if context.add_callback(gone.set):
            gone.wait()
    return message


def unary(message, context):
    return answer(message, context)


def server_stream(message, context):
    for word in message.split(", "):
        yield answer(word, context)


def client_stream(messages, context):
    return " ".join([answer(message, context) for message in messages])


def bidi(messages, context):
    for message in messages:
        yield answer(message, context)


HANDLERS = {
    "Unary": (grpc.unary_unary_rpc_method_handler, unary),
    "ServerStream": (grpc.unary_stream_rpc_method_handler, server_stream),
    "ClientStream": (grpc.stream_unary_rpc_method_handler, client_stream),
    "Bidi": (grpc.stream_stream_rpc_method_handler, bidi),
}


def serve():
    handlers = {
        name: make(work, request_deserializer=decode, response_serializer=encode)
        for name, (make, work) in HANDLERS.items()
    }
    server = grpc.server(
        futures.ThreadPoolExecutor(max_workers=8),
        interceptors=[server_interceptor()],
    )
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("test.Echo", handlers)])
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    server.start()
    sys.stdin.read()
    server.stop(None)


def call(address, method, message, seconds):
    GrpcInstrumentorClient().instrument()
    channel = grpc.insecure_channel(address, compression=grpc.Compression.Gzip)
    takes_stream = method in ("ClientStream", "Bidi")
    gives_stream = method in ("ServerStream", "Bidi")
    kind = {
        (False, False): channel.unary_unary,
        (False, True): channel.unary_stream,
        (True, False): channel.stream_unary,
        (True, True): channel.stream_stream,
    }[takes_stream, gives_stream]
    rpc = kind("/test.Echo/" + method, request_serializer=encode, response_deserializer=decode)
    request = iter(message.split(", ")) if takes_stream else message
    result = {"code": "OK", "details": "", "messages": []}
    try:
        if gives_stream:
            answers = rpc(request, timeout=seconds)
            for message in answers:
                result["messages"].append(message)
                if message == "cancel":
                    answers.cancel()
        else:
            result["messages"].append(rpc(request, timeout=seconds))
    except grpc.RpcError as error:
        result["code"], result["details"] = error.code().name, error.details()
    spans = SPANS.get_finished_spans()
    if spans:
        result.update(ids(spans[-1]))
    print(json.dumps(result))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve"]:
            serve()
        case ["call", address, method, message]:
            call(address, method, message, None)
        case ["call", address, method, message, seconds]:
            call(address, method, message, float(seconds))
        case _:
            sys.exit(__doc__)
