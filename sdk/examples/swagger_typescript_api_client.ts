// A program on a client of swagger-typescript-api: every step, every response with its type.

import assert from "node:assert/strict";
import { openAsBlob } from "node:fs";

import {
    Api,
    type FileInfo,
    type HttpResponse,
    type ImageThumbnailJob,
    type Job,
    type Problem,
} from "../../build/sdk/swagger-typescript-api/client.js";

const { v1 } = new Api({
    baseUrl: process.env["JOBLINE_URL"] ?? "http://127.0.0.1:8000",
    securityWorker: () => ({ headers: { authorization: `Bearer ${process.env["JOBLINE_API_KEY"] ?? ""}` } }),
});

async function upload(path: string): Promise<FileInfo> {
    const photo = new File([await openAsBlob(path)], "photo.jpg", { type: "image/jpeg" });
    const { data: file } = await v1.uploadFile({ file: photo });
    assert.equal(file.size_bytes, photo.size);
    return file;
}

async function shrink(file: FileInfo): Promise<ImageThumbnailJob> {
    const { data: submitted } = await v1.submitImageThumbnail({ input: { file: file.id, width: 64 }, tags: ["sta"] });
    const { data: job } = await v1.getImageThumbnail(submitted.id, { wait: 60 });
    assert.equal(job.state, "SUCCESS");
    assert.ok(job.result);
    const width: number = job.result.width;
    assert.equal(width, 64);
    return job;
}

async function readAny(id: string): Promise<void> {
    const { data: job } = await v1.getJob(id);
    assert.ok(job.task === "image.thumbnail" && job.result);
    assert.equal(job.result.width, 64);
    const { data: list } = await v1.listJobs({ tag: "sta", limit: 10 });
    assert.deepEqual(
        list.items.map((item) => item.id),
        [id],
    );
}

async function download(id: string): Promise<void> {
    const { data: list } = await v1.listArtifacts(id);
    const [made] = list.items;
    assert.ok(made);
    const { data: picture } = await v1.downloadArtifact(id, made.name);
    assert.equal(picture.size, made.size_bytes);
}

async function follow(id: string): Promise<void> {
    const { data: events } = await v1.streamJobEvents(id, {}, { format: "text" });
    assert.match(events, /event: job.succeeded/);
}

async function cancel(): Promise<void> {
    const { data: submitted } = await v1.submitDemoCountdown({ input: { seconds: 3600 } });
    await v1.cancelJob(submitted.id);
    const { data: job } = await v1.getDemoCountdown(submitted.id, { wait: 60 });
    assert.equal(job.state, "REVOKED");
}

async function readRefusal(id: string): Promise<void> {
    const conflict = await v1.cancelJob(id).catch((refused: HttpResponse<Job, Problem>) => refused.error);
    assert.ok("code" in conflict);
    assert.equal(conflict.status, 409);
    assert.equal(conflict.code, "conflict");
    const invalid = await v1
        .submitDemoCountdown({ input: { seconds: 0 } })
        .catch((refused: HttpResponse<Job, Problem>) => refused.error);
    assert.ok("code" in invalid);
    assert.equal(invalid.errors?.[0]?.pointer, "/input/seconds");
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
