# Two stages: the first has pip and builds the wheel, the second has only Python and what runs. Compiled here, because
# the user that runs it may not write there: 7 MB more, and each start is half a second shorter.
FROM python:3.12-slim AS build

# the hot rooms are compiled (docs/performance.md)
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
ENV HATCH_BUILD_HOOK_ENABLE_CUSTOM=true

WORKDIR /src
COPY pyproject.toml hatch_build.py README.md LICENSE ./
COPY proxy ./proxy
COPY stirshaken ./stirshaken
RUN python -m venv --without-pip /opt/trunkward \
    && pip --python /opt/trunkward/bin/python install --no-cache-dir --no-compile ".[fast]" \
    && /opt/trunkward/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/trunkward/lib

FROM python:3.12-slim

LABEL org.opencontainers.image.title="Trunkward" \
      org.opencontainers.image.description="Calling-number verification inline on voice trunks" \
      org.opencontainers.image.licenses="Apache-2.0"

RUN groupadd --system --gid 1060 trunkward \
    && useradd --system --uid 1060 --gid trunkward --home-dir /var/lib/trunkward --shell /usr/sbin/nologin trunkward \
    && install -d -o trunkward -g trunkward -m 0750 /etc/trunkward /var/lib/trunkward /var/log/trunkward

COPY --from=build /opt/trunkward /opt/trunkward
COPY --chown=trunkward:trunkward config/ /etc/trunkward/

ENV PATH=/opt/trunkward/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    TRUNKWARD_HEALTH=http://127.0.0.1:8080/healthz

USER 1060:1060
WORKDIR /var/lib/trunkward
VOLUME ["/etc/trunkward", "/var/lib/trunkward", "/var/log/trunkward"]
EXPOSE 5060/udp 9464/tcp 8080/tcp

# SIGTERM drains: give it more than docker's ten seconds (docker stop -t 40)
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(os.environ['TRUNKWARD_HEALTH'], timeout=2)"]

ENTRYPOINT ["trunkward"]
CMD ["serve", "-c", "/etc/trunkward/trunkward.yaml"]
