# Two stages: wheels are built in the first, the image that runs holds no compiler and no source tree.
ARG BASE_IMAGE=python:3.11-slim-bookworm

FROM ${BASE_IMAGE} AS build
WORKDIR /src
RUN python3 -m venv /opt/anna
COPY pyproject.toml constraints.txt README.md LICENSE dagster.yaml ./
COPY domains domains
COPY anna_core anna_core
COPY anna_simbank anna_simbank
COPY anna_resources anna_resources
COPY anna_assets anna_assets
COPY anna_cli anna_cli
RUN /opt/anna/bin/pip install --no-cache-dir --constraint constraints.txt '.[lakehouse]'

FROM ${BASE_IMAGE}
# LightGBM needs the OpenMP runtime, and the ledger git.
RUN apt-get update && apt-get install -y --no-install-recommends git libgomp1 && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 anna && mkdir /anna && chown anna /anna
COPY --from=build /opt/anna /opt/anna
ENV PATH=/opt/anna/bin:$PATH ANNA_HOME=/anna PYTHONUNBUFFERED=1
USER anna
VOLUME /anna
# The servers listen on loopback alone: run it with `--network host`, or behind a proxy in the same pod.
CMD ["sh", "-c", "anna init $ANNA_HOME && exec anna up"]
