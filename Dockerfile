# The server over stdio in a container: docker run -i --rm -e APIFRAME_API_KEY -v apiframe:/ledger apiframe-photo-mcp
# The ledger is what keeps a training from being paid for twice: keep the volume.
FROM python:3.13-slim-trixie AS build
WORKDIR /source
RUN python -m venv /server
COPY requirements/faces.txt requirements/
RUN /server/bin/pip install --no-cache-dir --require-hashes -r requirements/faces.txt
COPY pyproject.toml README.md LICENSE ./
COPY studio studio
COPY tools tools
COPY server server
# Without compiled bytecode the first start takes seconds, and the image is read-only to its user.
RUN /server/bin/pip install --no-cache-dir --no-deps --no-build-isolation . \
    && /server/bin/python -m compileall -q /server/lib

FROM python:3.13-slim-trixie
LABEL io.modelcontextprotocol.server.name="io.github.apiframe-photo-mcp/apiframe-photo-mcp"
COPY --from=build /server /server
RUN useradd --create-home --uid 10001 apiframe && install -d -m 0700 -o apiframe /ledger
USER 10001:10001
WORKDIR /home/apiframe
ENV APIFRAME_DATA_DIR=/ledger
VOLUME /ledger
ENTRYPOINT ["/server/bin/apiframe-photo-mcp"]
