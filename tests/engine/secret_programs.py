"""A workflow that uses a secret in every way there is, right and wrong."""

from typing import Any

import flawless
from flawless import http, publish, respond, secret, step, workflow


@step
def repeat(text: str) -> str:
    return text


@workflow
def uses_it(site: str) -> dict[str, Any]:
    key = secret("API_KEY")
    print("the key is", key)
    publish({"key": key})
    respond([key])
    repeat(key)
    told = http.post(
        f"{site}/echo?key={key}",
        json={"key": key},
        headers={"X-Key": key, "Authorization": f"Bearer {key}"},
    )
    print(told.text, told.headers)
    try:
        http.get("http://127.0.0.1:1/", headers={"X-Key": key})
    except flawless.EffectError as error:
        print("refused:", error)
    return {"key": key, "told": told.text}


@workflow
def fails_with_it(site: str) -> None:
    told = http.post(f"{site}/echo", data=secret("API_KEY"), headers={"X-Key": secret("API_KEY")})
    raise RuntimeError(f"{told.text} {dict(told.headers)}")
