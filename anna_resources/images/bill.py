"""The bill of materials of an image, as CycloneDX."""

from collections.abc import Iterable

from cyclonedx.factory.license import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot5
from packageurl import PackageURL

from anna_resources.images.requirements import Pinned


def bill_of_materials(packages: Iterable[Pinned], code: str, tag: str, model_version: str) -> str:
    """Say what an image holds beside its base, as JSON of CycloneDX 1.5.

    Args:
        packages: as they are installed.
        code: version of ANNA.
        tag: of the launch whose model it is.
        model_version: digest of that.
    """
    licences = LicenseFactory()
    image = Component(name=tag, version=model_version, type=ComponentType.CONTAINER, bom_ref=tag)
    bom = Bom()
    bom.metadata.component = image
    parts = [Component(name="anna-platform", version=code, type=ComponentType.APPLICATION, bom_ref="anna-platform")]
    parts.append(Component(name=f"{tag} model", version=model_version, type=ComponentType.DATA, bom_ref="model"))
    for package in packages:
        url = PackageURL(type="pypi", name=package.name.lower(), version=package.version)
        parts.append(
            Component(
                name=package.name,
                version=package.version,
                type=ComponentType.LIBRARY,
                bom_ref=str(url),
                purl=url,
                hashes=[HashType(alg=HashAlgorithm.SHA_256, content=package.sha256)],
                licenses=[licences.make_from_string(package.licence)] if package.licence else [],
            )
        )
    for part in parts:
        bom.components.add(part)
    bom.register_dependency(image, parts)
    return JsonV1Dot5(bom).output_as_string(indent=1)
