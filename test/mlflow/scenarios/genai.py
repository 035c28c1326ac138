"""
OpenAI's own client with autologging, as a chat program uses it: a plain answer, a streamed one, a tool that is called, an
error. The language model is a small server here, which speaks the chat-completions API.
"""

import contextlib
import http.server
import json
import threading
import time

import mlflow
from openai import OpenAI, OpenAIError

from scenarios.traces import MAJOR, flush, trace_shown

TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "What the weather is",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
USAGE = {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}
CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Bern"}'}}


def completion(message, finish="stop"):
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    return {"id": "chatcmpl-1", "object": "chat.completion", "created": 1_700_000_000, "model": "tiny-1", "choices": [choice], "usage": USAGE}


def chunks():
    said = {"id": "chatcmpl-2", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": "tiny-1"}
    for delta, finish in [({"role": "assistant", "content": "It "}, None), ({"content": "rains"}, None), ({}, "stop")]:
        yield {**said, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
    yield {**said, "choices": [], "usage": USAGE}


class TinyModel(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        last = asked["messages"][-1]
        if last["content"] == "break":
            error = {"message": "too many requests", "type": "requests", "param": None, "code": "rate_limit_exceeded"}
            self.answer(429, "application/json", json.dumps({"error": error}))
        elif asked.get("stream"):
            lines = [json.dumps(chunk) for chunk in chunks()] + ["[DONE]"]
            self.answer(200, "text/event-stream", "".join(f"data: {line}\n\n" for line in lines))
        elif asked.get("tools") and last["role"] == "user":
            self.answer(200, "application/json", json.dumps(completion({"content": None, "tool_calls": [CALL]}, "tool_calls")))
        else:
            self.answer(200, "application/json", json.dumps(completion({"content": f"You said {last['content']}"})))

    def answer(self, status, kind, body):
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def tiny_model():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), TinyModel)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with OpenAI(base_url=f"http://127.0.0.1:{server.server_port}/v1", api_key="none", max_retries=0) as openai:
            yield openai
    finally:
        server.shutdown()
        server.server_close()


@mlflow.trace(span_type="TOOL")
def weather(city):
    return f"rain in {city}"


def agent(openai, city):
    messages = [{"role": "user", "content": f"What is the weather in {city}?"}]
    asked = openai.chat.completions.create(model="tiny", messages=messages, tools=[TOOL]).choices[0].message
    call = asked.tool_calls[0]
    seen = weather(**json.loads(call.function.arguments))
    messages += [asked.model_dump(exclude_none=True), {"role": "tool", "tool_call_id": call.id, "content": seen}]
    return openai.chat.completions.create(model="tiny", messages=messages, tools=[TOOL]).choices[0].message.content


def run(t, client):
    experiment = mlflow.set_experiment("genai")
    mlflow.openai.autolog(silent=True)
    try:
        with tiny_model() as openai:
            call(t, openai)
    finally:
        mlflow.openai.autolog(disable=True, silent=True)
    flush()
    look(t, client, experiment.experiment_id)


def call(t, openai):
    def ask(content, **more):
        # Traces are ordered by the millisecond in which they began.
        time.sleep(0.002)
        return openai.chat.completions.create(model="tiny", messages=[{"role": "user", "content": content}], **more)

    t("plain", ask("hello", temperature=0.5).choices[0].message.content)
    parts = ask("go on", stream=True, stream_options={"include_usage": True})
    t("streamed", [part.choices[0].delta.content for part in parts if part.choices])
    time.sleep(0.002)
    with_tool = mlflow.trace(lambda city: agent(openai, city), name="agent", span_type="AGENT")
    t("with a tool", with_tool("Bern"))
    try:
        ask("break")
    except OpenAIError as error:
        t("an error", [type(error).__name__, error.status_code])
    with mlflow.start_run() as active:
        ask("in a run")
    t("the run", active.info.run_id)


FILTERS = [
    "name = 'Completions'", "status = 'ERROR'", "name = 'agent' AND status = 'OK'",
    "span.type = 'CHAT_MODEL'", "span.type = 'TOOL' AND span.name = 'weather'", "span.content LIKE '%rain in Bern%'", "span.attributes.temperature LIKE '%0.5%'",
]


ASKED = ["plain", "streamed", "with a tool", "an error", "in a run"]


def look(t, client, experiment_id):
    found = client.search_traces(experiment_ids=[experiment_id], order_by=["timestamp_ms ASC"])
    label = {}
    for name, trace in zip(ASKED, found, strict=True):
        label[getattr(trace.info, "trace_id", trace.info.request_id)] = name
        t(f"the trace of {name}", {**trace_shown(trace), "more": [more(span) for span in trace.data.spans]})
        if MAJOR >= 3:
            t(f"tokens of {name}", trace.info.token_usage)

    def searched(**query):
        frame = mlflow.search_traces(experiment_ids=[experiment_id], **query)
        return [label[one] for one in frame["trace_id" if MAJOR >= 3 else "request_id"]]

    for text in FILTERS:
        t.tried(f"filter {text}", lambda: searched(filter_string=text))
    t("of the run", searched(run_id=found[4].info.request_metadata["mlflow.sourceRun"]))


def more(span):
    """What autologging says of a call beyond what was asked and answered."""
    return {key: value for key, value in span.attributes.items() if key.startswith("mlflow.chat.") or key == "mlflow.message.format"}
