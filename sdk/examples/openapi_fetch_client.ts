// A program on openapi-fetch with the types of openapi-typescript: every step, every response with its type.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";

import createClient from "openapi-fetch";

import type { components, paths } from "../../build/sdk/openapi-fetch/schema.js";

type FileInfo = components["schemas"]["FileInfo"];
type ImageThumbnailJob = components["schemas"]["ImageThumbnailJob"];

const client = createClient<paths>({
    baseUrl: process.env["JOBLINE_URL"] ?? "http://127.0.0.1:8000",
    headers: { authorization: `Bearer ${process.env["JOBLINE_API_KEY"] ?? ""}` },
});

async function upload(path: string): Promise<FileInfo> {
    const form = new FormData();
    const photo = new File([await readFile(path)], "photo.jpg", { type: "image/jpeg" });
    form.append("file", photo);
    const { data: file } = await client.POST("/v1/files", {
        body: { file: photo.name },
        bodySerializer: () => form, // the types know a file as text
    });
    assert.equal(file?.size_bytes, photo.size);
    return file;
}

async function shrink(file: FileInfo): Promise<ImageThumbnailJob> {
    const { data: submitted } = await client.POST("/v1/tasks/image.thumbnail/jobs", {
        body: { input: { file: file.id, width: 64 }, tags: ["openapi-fetch"] },
    });
    assert.ok(submitted);
    const { data: job } = await client.GET("/v1/tasks/image.thumbnail/jobs/{id}", {
        params: { path: { id: submitted.id }, query: { wait: 60 } },
    });
    assert.equal(job?.state, "SUCCESS");
    assert.ok(job.result);
    const width: number = job.result.width;
    assert.equal(width, 64);
    return job;
}

async function readAny(id: string): Promise<void> {
    const { data: job } = await client.GET("/v1/jobs/{id}", { params: { path: { id } } });
    assert.ok(job?.task === "image.thumbnail" && job.result);
    assert.equal(job.result.width, 64);
    const { data: list } = await client.GET("/v1/jobs", { params: { query: { tag: "openapi-fetch", limit: 10 } } });
    assert.deepEqual(
        list?.items.map((item) => item.id),
        [id],
    );
}

async function download(id: string): Promise<void> {
    const { data: list } = await client.GET("/v1/jobs/{id}/artifacts", { params: { path: { id } } });
    const made = list?.items[0];
    assert.ok(made);
    const { data: picture } = await client.GET("/v1/jobs/{id}/artifacts/{name}", {
        params: { path: { id, name: made.name } },
        parseAs: "blob",
    });
    assert.equal(picture?.size, made.size_bytes);
}

async function follow(id: string): Promise<void> {
    const { data: events } = await client.GET("/v1/jobs/{id}/events", {
        params: { path: { id } },
        parseAs: "stream",
    });
    assert.ok(events);
    const reader = events.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (let part = await reader.read(); !part.done; part = await reader.read()) text += part.value;
    assert.match(text, /event: job.succeeded/);
}

async function cancel(): Promise<void> {
    const { data: submitted } = await client.POST("/v1/tasks/demo.countdown/jobs", {
        body: { input: { seconds: 3600 } },
    });
    assert.ok(submitted);
    await client.POST("/v1/jobs/{id}/cancel", { params: { path: { id: submitted.id } } });
    const { data: job } = await client.GET("/v1/tasks/demo.countdown/jobs/{id}", {
        params: { path: { id: submitted.id }, query: { wait: 60 } },
    });
    assert.equal(job?.state, "REVOKED");
}

async function readRefusal(id: string): Promise<void> {
    const { error: conflict } = await client.POST("/v1/jobs/{id}/cancel", { params: { path: { id } } });
    assert.equal(conflict?.status, 409);
    assert.equal(conflict.code, "conflict");
    const { error: invalid } = await client.POST("/v1/tasks/demo.countdown/jobs", { body: { input: { seconds: 0 } } });
    assert.equal(invalid?.errors?.[0]?.pointer, "/input/seconds");
}

async function main(path: string): Promise<void> {
    const { id } = await shrink(await upload(path));
    await readAny(id);
    await download(id);
    await follow(id);
    await cancel();
    await readRefusal(id);
}

void main(process.argv[2] ?? "photo.jpg");
