"""The prompt registry, which the client builds from registered models and tags."""

import mlflow

SINCE = 3


def shown(p):
    return {"name": p.name, "version": p.version, "template": p.template, "variables": sorted(p.variables), "tags": p.tags, "message": p.commit_message, "aliases": sorted(p.aliases or [])}


def run(t, client):
    genai = mlflow.genai
    t("registered", shown(genai.register_prompt("greet", "Hello {{name}}", commit_message="first", tags={"a": "1"})))
    t("again", shown(genai.register_prompt("greet", "Hi {{name}}, {{what}}", commit_message="second")))
    t("loaded", shown(genai.load_prompt("greet", version=1)))
    t("by uri", shown(genai.load_prompt("prompts:/greet/2")))
    genai.set_prompt_alias("greet", "live", 2)
    t("by alias", shown(genai.load_prompt("prompts:/greet@live")))
    genai.delete_prompt_alias("greet", "live")
    t.tried("by a deleted alias", lambda: genai.load_prompt("prompts:/greet@live").version)
    t.tried("unknown", lambda: genai.load_prompt("prompts:/nobody/1"))
    t("not missed", genai.load_prompt("prompts:/nobody/1", allow_missing=True))
    client.create_registered_model("prompts and models")
    t("prompts are no models", [m.name for m in client.search_registered_models() if m.name == "greet"])
    t("found", [p.name for p in genai.search_prompts("name = 'greet'")])
    t("not found", [p.name for p in genai.search_prompts("name = 'prompts and models'")])
    t.tried("a model of a prompt's name", lambda: client.create_registered_model("greet"))
    t.tried("a prompt of a model's name", lambda: genai.register_prompt("prompts and models", "x"))
    t.tried("a prompt taken for a model", lambda: client.get_registered_model("greet").name)
