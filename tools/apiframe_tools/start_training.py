"""start_training: start a training, at most once for the same photos."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Final

from mcp.server.mcpserver import Context, Resolve
from mcp.server.mcpserver.exceptions import ToolError

from apiframe_studio.ledger.errors import PaymentNotApproved, PriceAboveLimit
from apiframe_studio.studio import Studio
from apiframe_studio.training_sources import TrainingRequest, TrainingStep
from apiframe_studio.trainings import Price
from apiframe_studio.webhooks import MAX_URL_LENGTH, WebhookProblem, find_problem
from apiframe_tools.mcp.confirmation import (
    Confirmation,
    Confirming,
    confirm_spending,
    credits_left,
    is_quoted,
    may_pay,
    name_set,
    read_balance,
)
from apiframe_tools.mcp.parameters import (
    IdempotencyKey,
    MaxCredits,
    PhotosId,
    Subject,
    TriggerWord,
    WebhookSecret,
    WebhookUrl,
)
from apiframe_tools.mcp.request import Progress, RequestStudio, combine_steps
from apiframe_tools.results.trainings import TrainingStarted
from apiframe_tools.wording.prices import Prices
from apiframe_tools.wording.quotes import Question
from apiframe_tools.wording.warnings import describe_earlier_training

MAX_SECONDS: Final = 40.0
_SENDS_NOW: Final = (
    "The photos leave this machine now, and Apiframe then stores photos of the subject's face: only if the subject "
    "agreed. "
)
_WEBHOOK_PROBLEMS = {
    WebhookProblem.NOT_A_URL: "is not a URL",
    WebhookProblem.NOT_HTTPS: "must begin with https://",
    WebhookProblem.CREDENTIALS: "must not contain a user name or password",
    WebhookProblem.TOO_LONG: f"is longer than {MAX_URL_LENGTH} characters",
}


async def _confirm(
    ctx: Context[Any, Any],
    studio: RequestStudio,
    training_images_id: str,
    trigger_word: str | None,
    subject: str | None,
    idempotency_key: str | None,
    max_credits: int | None,
) -> Confirming:
    request = TrainingRequest(
        training_images_id, trigger_word, subject, idempotency_key=idempotency_key, max_credits=max_credits
    )
    return await confirm_spending(ctx, studio, partial(_question, studio, request), max_credits)


async def start_training(
    training_images_id: PhotosId,
    trigger_word: TriggerWord | None = None,
    subject: Subject | None = None,
    webhook_url: WebhookUrl | None = None,
    webhook_secret: WebhookSecret | None = None,
    idempotency_key: IdempotencyKey | None = None,
    max_credits: MaxCredits | None = None,
    *,
    studio: RequestStudio,
    progress: Progress,
    confirmation: Annotated[Confirmation, Resolve(_confirm)],
) -> TrainingStarted:
    """Start training a photo model of a subject from prepared photos{prices.sending}.

    Costs {prices.training_total}, once: calling again with the same photos returns the existing
    training. Returns task_id; after a slow upload, the same call again does. Training takes many minutes and cannot
    be cancelled; get_training_status follows it.
    """
    agreed = may_pay(confirmation)
    _check_webhook(studio, webhook_url)
    request = TrainingRequest(
        training_images_id, trigger_word, subject, webhook_url, webhook_secret, idempotency_key, max_credits
    )
    on_progress = combine_steps(progress, tuple(TrainingStep))
    try:
        training = await studio.trainings.start(request, on_progress, MAX_SECONDS, may_pay=agreed)
    except (PaymentNotApproved, PriceAboveLimit) as refused:
        price = await studio.trainings.price(request)
        if price is None or not is_quoted(confirmation, refused):
            raise
        question = _describe(studio, request, price)
        return TrainingStarted.quoted(request, price, question, studio, await read_balance(studio))
    # A balance that the price is not yet taken from would mislead.
    is_final = studio.terms.charges_at_once
    left = await credits_left(studio, training.task_id, deduplicated=training.deduplicated or not is_final)
    return TrainingStarted.of(training, studio, credits_left=left)


async def _question(studio: Studio, request: TrainingRequest) -> str | None:
    price = await studio.trainings.price(request)
    if price is None or (request.max_credits is not None and price.most > request.max_credits):
        return None
    return str(_describe(studio, request, price))


def _describe(studio: Studio, request: TrainingRequest, price: Price) -> Question:
    cost = f"{price.least:g}" if price.least == price.most else f"{price.least:g} to {price.most:g}"
    before = f" {describe_earlier_training(price.earlier)} This trains them again." if price.earlier else ""
    photos = (
        f"photo set {request.training_images_id}{f' of {price.subject}' if price.subject else ''}"
        if price.photos is None
        else name_set(price.photos, price.subject, price.fingerprint)
    )
    sends = "" if studio.terms.uploads_before_training else _SENDS_NOW
    return Question(
        f"Train a model on {photos}?",
        f"{sends}It costs {cost} credits at Apiframe and cannot be cancelled. Each image made with it later costs "
        f"{Prices(studio.terms).image}.{before}",
    )


def _check_webhook(studio: Studio, url: str | None) -> None:
    if url and (problem := find_problem(url, service_is_local=studio.service_is_local)):
        raise ToolError(
            f"webhook_url {_WEBHOOK_PROBLEMS[problem]}, so nothing was sent. Omit it (get_training_status is "
            "enough) or pass an https URL that the service can reach."
        )
