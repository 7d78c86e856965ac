# One image for both shells: `jobline api` and `jobline worker`. Redis is a service of its own.

FROM python:3.13-slim AS build
WORKDIR /build
RUN python -m venv /opt/jobline
ENV PATH=/opt/jobline/bin:$PATH PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
# Dependencies first: this layer changes with the lock alone.
COPY requirements.runtime.lock ./
RUN pip install --require-hashes -r requirements.runtime.lock
COPY LICENSE README.md pyproject.toml ./
COPY src src
RUN pip install --no-deps --no-build-isolation .

FROM python:3.13-slim
RUN useradd --system --uid 10001 --home-dir /data jobline \
    && install --directory --owner=jobline --mode=0700 /data
COPY --from=build /opt/jobline /opt/jobline
ENV PATH=/opt/jobline/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 JOBLINE_DATA_DIR=/data
USER 10001
WORKDIR /data
VOLUME /data
EXPOSE 8000
ENTRYPOINT ["jobline"]
CMD ["api", "--host", "0.0.0.0", "--port", "8000"]
