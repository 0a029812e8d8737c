"""The image of a champion: its model with all that it needs, to score or serve where there is no ANNA."""

import datetime as dt
import hashlib
import re

import dagster as dg

from anna_assets.partitions import TASK
from anna_assets.places import place
from anna_assets.production.champion_asset import CHAMPION_KEY
from anna_assets.production.scores_asset import NobodyScoresError
from anna_assets.steps import step_asset
from anna_resources.artifacts.image import BuiltImage
from anna_resources.ledger.champions import Champions
from anna_resources.ledger.ledger import Ledger
from anna_resources.settings import Builder, load_settings
from anna_resources.warehouse import Warehouse

IMAGE_KEY = dg.AssetKey("image")
# A part of a name, as the distribution specification of the Open Container Initiative has it.
_TAKEN = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")


def image_asset() -> dg.AssetsDefinition:
    """The asset `image`, partitioned by task."""

    @step_asset(
        key=IMAGE_KEY,
        partitions_def=TASK,
        deps=[CHAMPION_KEY],
        pool="scoring",
        group_name="production",
        kinds={"docker"},
        description="The champion as an image that scores histories and answers HTTP; a build context alone where no "
        "builder is set (`image.builder`).",
    )
    def image(context: dg.AssetExecutionContext, warehouse: Warehouse) -> dg.MaterializeResult:
        from anna_resources.images.builders import build, size_of
        from anna_resources.images.context import python_version, write_context

        task, settings = context.partition_key, load_settings()
        champion, options = Champions.of(settings).current(task), settings.image
        if champion is None:
            raise NobodyScoresError(f"{task} has no champion, so there is no image: promote a launch first.")
        kept, stored = warehouse.candidate(champion.tag), warehouse.image(task)
        model, facts = kept.model(), kept.facts()
        name = image_name(options.repository, champion.tag)
        digest = ""
        with stored.replacing() as (folder, made):
            packages = write_context(folder, kept.model_folder(), facts.code, champion.tag, model.version)
            if options.builder is not Builder.NONE:
                arguments = {"BASE_IMAGE": options.base, "PYTHON_VERSION": python_version()}
                digest = build(folder, name, options, arguments, context.log.info)
            built = BuiltImage(
                tag=champion.tag,
                model_version=model.version,
                name=name,
                base=options.base,
                builder=options.builder.value,
                digest=digest,
                size=size_of(name, options) if digest else "",
                made_at=dt.datetime.now(tz=dt.UTC).replace(microsecond=0),
            )
            if digest:  # first, as once it is here nobody comes back to it
                Ledger.of(settings).record_image(champion.tag, built.model_dump(mode="json"))
            made.append(built)
        return dg.MaterializeResult(
            data_version=dg.DataVersion(digest or f"{champion.tag}-{model.version}"),
            metadata={
                "ledger": champion.tag,
                "image": name if digest else "not built: image.builder is none",
                "digest": digest,
                "size": built.size,
                "packages": len(packages),
                "build context": place(stored.context),
            },
        )

    return image


def image_name(repository: str, tag: str) -> str:
    """What the image of a launch is called: the task is the image's name, the sample its tag.

    A name that registries do not take as it is, such as one with capitals, is written in letters that they take, and a
    digest of it follows: `Churn` and `churn` are two tasks. No sample's name has two dots in a row, so a second launch
    of `q1` is not taken for one of `q1-2`.
    """
    task, _, sample = tag.partition(".")
    if not _TAKEN.fullmatch(task):
        digest = hashlib.blake2b(task.encode(), digest_size=4).hexdigest()
        task = "-".join((*re.findall("[a-z0-9]+", task.lower()), digest))
    place = sample.replace("@", "..")
    return f"{repository}/{task}:{place if place[0] != '-' else f'_{place}'}"
