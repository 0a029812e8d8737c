"""Whether a model can read sequences: its domain may have gained fields since training, but nothing else."""

from anna_core.domains import Domain
from anna_core.errors import ArtifactError


def require_same_domain(trained: Domain, found: Domain) -> None:
    """Check that sequences belong to the domain that a model was trained on.

    Args:
        trained: the domain as it was at training.
        found: the domain as it was when the sequences were made; it may have more fields.

    Raises:
        ArtifactError: it is another domain, a field is missing or of another kind, or the sequences were cut by
            different rules.
    """
    if found.name != trained.name:
        raise ArtifactError(
            f"the model of domain '{trained.name}' was given sequences of '{found.name}'; give its own."
        )
    lacking = sorted(trained.fields.keys() - found.fields.keys())
    common = trained.fields.keys() & found.fields.keys()
    changed = sorted(name for name in common if trained.fields[name] != found.fields[name])
    if lacking or changed:
        raise ArtifactError(
            f"domain '{trained.name}' changed since the model was trained: fields missing {lacking}, of another "
            f"kind {changed}. Train the task again on the new domain, or restore domains/{trained.name}.yaml."
        )
    if found.window_version != trained.window_version:
        raise ArtifactError(
            f"domain '{trained.name}': the model was trained on sequences of lag, lookback and length "
            f"'{trained.window_version}', these are '{found.window_version}'. Make the sequences or histories again, "
            "or train the task again."
        )
