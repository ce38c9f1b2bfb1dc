"""The key, or the setting in its place, selects the generation of the service."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import SecretStr

from apiframe_studio.config import sandbox_config, service_config
from apiframe_studio.sandbox.v2.behaviour import Behaviour
from apiframe_studio.settings import StudioSettings
from apiframe_studio.studio import Studio

from .conftest import Serving


async def test_a_v2_key_is_served_by_v2_on_its_terms(serving: Serving) -> None:
    async with serving(api="v2") as session:
        schema = next(
            tool.input_schema
            for tool in (await session.client.list_tools()).tools
            if tool.name == "start_training"
        )
        assert "webhook_secret" not in schema["properties"]
        assert (await session.ask("get_account")).facts["credits"] == 12_000
        assert session.asked("/v2/me") == 1
        assert session.asked("/account") == 0


async def test_a_v2_key_at_the_v1_address_is_refused_before_anything_is_sent(serving: Serving) -> None:
    async with serving(api="v2", base_url="https://api.apiframe.pro") as session:
        message = await session.refusal("get_account")
        assert "for v2 of the API (it begins with afk_), and the settings select v1" in message
        assert "remove APIFRAME_BASE_URL and APIFRAME_API_VERSION" in message
        assert session.requests() == 0


async def test_a_revoked_key_is_reported_with_what_to_do(serving: Serving) -> None:
    async with serving(api="v2", key=SecretStr("afk_revoked")) as session:
        message = await session.refusal("get_account")
        assert "API key is inactive" in message
        assert "ask the user to set APIFRAME_API_KEY to a valid key" in message


async def test_an_unknown_address_is_taken_at_its_word_until_it_refuses_the_kind_of_key(
    serving: Serving,
) -> None:
    async with serving(key=SecretStr("afk_1"), api_version="v1") as session:
        for tool, arguments in (("get_account", {}), ("get_training_status", {"task_id": "tr-1"})):
            message = await session.refusal(tool, **arguments)
            assert "for the v2 API" in message
            assert "remove APIFRAME_BASE_URL and APIFRAME_API_VERSION" in message


async def test_a_key_without_a_team_is_reported_with_what_to_do(serving: Serving) -> None:
    async with serving(api="v2", behaviour=Behaviour(has_team=False)) as session:
        reply = await session.ask("get_account")
        assert (reply.facts["credits"], reply.facts["trainings"]) == (None, None)
        assert "The API key belongs to no team, so it has no credits." in reply.text
        assert "create a key within a team at console.apiframe.ai" in reply.text


@pytest.mark.parametrize(
    ("api", "balance", "least", "said"),
    [
        ("v1", 12_000, 98, "12000 credits on plan 'sandbox': enough for 98 to 285 trainings, depending on"),
        ("v1", 50, 0, "50 credits on plan 'sandbox': enough for 0 to 1 trainings, depending on"),
        ("v1", 41, 0, "41 credits on plan 'sandbox': enough for no training."),
        ("v2", 12_000, 46, "12000 credits on plan 'sandbox': enough for 46 trainings."),
        ("v2", 300, 1, "300 credits on plan 'sandbox': enough for 1 training."),
        ("v2", 256, 0, "256 credits on plan 'sandbox': enough for no training."),
    ],
)
async def test_the_account_says_how_many_trainings_its_credits_pay_for(
    serving: Serving, api: str, balance: int, least: int, said: str
) -> None:
    async with serving(api=api, start_credits=balance) as session:
        reply = await session.ask("get_account")
        assert reply.facts["trainings"] == least
        assert said in reply.text


@pytest.mark.parametrize(
    ("key", "version", "base_url", "poll_seconds"),
    [
        ("", "", "https://api.apiframe.pro", 5.0),
        ("some-key", "auto", "https://api.apiframe.pro", 5.0),
        ("afk_1", "auto", "https://api.apiframe.ai", 10.0),
        ("some-key", "v2", "https://api.apiframe.ai", 10.0),
        ("afk_1", "v1", "https://api.apiframe.pro", 5.0),
    ],
)
def test_the_address_and_the_polling_interval_follow_from_the_key(
    monkeypatch: pytest.MonkeyPatch, key: str, version: str, base_url: str, poll_seconds: float
) -> None:
    monkeypatch.setenv("APIFRAME_API_KEY", key)
    monkeypatch.setenv("APIFRAME_API_VERSION", version)
    studio = Studio(service_config(StudioSettings.read()))
    assert studio.config.base_url == studio.terms.base_url == base_url
    assert studio.terms.poll_seconds == poll_seconds


def test_settings_of_address_and_interval_replace_those_of_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APIFRAME_API_KEY", "afk_1")
    monkeypatch.setenv("APIFRAME_BASE_URL", "https://Gateway.example/")
    monkeypatch.setenv("APIFRAME_POLL_SECONDS", "3")
    config = service_config(StudioSettings.read())
    assert (config.base_url, config.poll_seconds) == ("https://gateway.example", 3.0)


@pytest.mark.parametrize(
    ("key", "version", "generation"),
    [
        ("", "auto", "v1"),
        ("", "v2", "v2"),
        ("afk_1", "auto", "v2"),
        ("some-key", "auto", "v1"),
        ("afk_1", "v1", "v1"),
    ],
)
async def test_the_sandbox_plays_the_generation_that_the_settings_select(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, key: str, version: str, generation: str
) -> None:
    monkeypatch.setenv("APIFRAME_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("APIFRAME_API_KEY", key)
    monkeypatch.setenv("APIFRAME_API_VERSION", version)
    async with Studio(sandbox_config(StudioSettings.read())) as studio:
        assert studio.terms.generation == generation
        assert (await studio.account()).credits == 12_000


OF_V1 = {
    "a price of nothing": r"\b0 credits\b|costs free",
    "a price twice": r"\(257\)",
    "a price of v1": r"\ba photo\b.*\bcredits?\b|\b40 to 120\b|\b1 credit\b|\b2 credits\b(?! an image|, a training)",
    "a limit of v1": r"\b10 to 30\b",
    "what v2 does not report": r"\bpercentage\b(?!\")",
    "photo sets of the v1 sandbox": r"sandbox-person",
}
GONE = {
    "start_training": {"trigger_word", "webhook_secret"},
    "generate_photos": {"width", "height"},
}


@pytest.mark.parametrize("is_sandbox", [False, True], ids=["service", "sandbox"])
async def test_what_is_published_for_a_v2_key_has_no_price_limit_or_choice_of_v1(
    serving: Serving, is_sandbox: bool
) -> None:
    async with serving(api="v2", is_sandbox=is_sandbox) as session:
        tools = {tool.name: tool for tool in (await session.client.list_tools()).tools}
        prompts = (await session.client.list_prompts()).prompts
        texts = [tool.description or "" for tool in tools.values()]
        texts += [session.client.instructions or "", *(prompt.model_dump_json() for prompt in prompts)]
        said = "\n".join(texts)
    assert {what for what, pattern in OF_V1.items() if re.search(pattern, said)} == set()
    for name, gone in GONE.items():
        assert not gone & tools[name].input_schema["properties"].keys()
    ratios = tools["generate_photos"].input_schema["properties"]["aspect_ratio"]["enum"]
    assert sorted(ratios) == ["16:9", "1:1", "2:3", "3:2", "3:4", "4:3", "9:16"]
    genders = tools["prepare_photos"].input_schema["properties"]["gender"]["enum"]
    assert genders == ["female", "male", "non-binary"]
    for name in ("ethnicity", "age"):
        attribute = tools["prepare_photos"].input_schema["properties"][name]
        assert (attribute["type"], attribute["maxLength"]) == ("string", 40)
        assert "enum" not in attribute
