// A program on a client of @hey-api/openapi-ts: every step, every response with its type.

import assert from "node:assert/strict";
import { openAsBlob } from "node:fs";

import {
    cancelJob,
    downloadArtifact,
    getBatch,
    getDemoCountdown,
    getImageThumbnail,
    getJob,
    getQueue,
    listArtifacts,
    listJobs,
    pauseQueue,
    resumeQueue,
    streamBatchEvents,
    streamJobEvents,
    submitBatch,
    submitDemoCountdown,
    submitImageThumbnail,
    uploadFile,
    type Batch,
    type BatchJob,
    type FileInfo,
    type ImageThumbnailJob,
} from "../../build/sdk/hey-api/index.js";
import { client } from "../../build/sdk/hey-api/client.gen.js";

client.setConfig({
    baseUrl: process.env["JOBLINE_URL"] ?? "http://127.0.0.1:8000",
    auth: process.env["JOBLINE_API_KEY"] ?? "",
});
const admin = { auth: process.env["JOBLINE_ADMIN_KEY"] ?? "", path: { queue: "default" }, throwOnError: true } as const;

async function upload(path: string): Promise<FileInfo> {
    const photo = new File([await openAsBlob(path)], "photo.jpg", { type: "image/jpeg" });
    const { data: file } = await uploadFile({ body: { file: photo }, throwOnError: true });
    assert.equal(file.size_bytes, photo.size);
    return file;
}

async function shrink(file: FileInfo): Promise<ImageThumbnailJob> {
    const body = { input: { file: file.id, width: 64 }, tags: ["hey"] };
    const { data: submitted } = await submitImageThumbnail({ body, throwOnError: true });
    const { data: job } = await getImageThumbnail({
        path: { id: submitted.id },
        query: { wait: 60 },
        throwOnError: true,
    });
    assert.equal(job.state, "SUCCESS");
    assert.ok(job.result);
    const width: number = job.result.width;
    assert.equal(width, 64);
    return job;
}

async function readAny(id: string): Promise<void> {
    const { data: job } = await getJob({ path: { id }, throwOnError: true });
    assert.ok(job.task === "image.thumbnail" && job.result);
    assert.equal(job.result.width, 64);
    const { data: list } = await listJobs({ query: { tag: "hey", limit: 10 }, throwOnError: true });
    assert.deepEqual(
        list.items.map((item) => item.id),
        [id],
    );
}

async function download(id: string): Promise<Blob> {
    const { data: list } = await listArtifacts({ path: { id }, throwOnError: true });
    const [made] = list.items;
    assert.ok(made);
    const { data: picture } = await downloadArtifact({
        path: { id, name: made.name },
        parseAs: "blob",
        throwOnError: true,
    });
    assert.equal(picture.size, made.size_bytes);
    return picture;
}

async function follow(id: string): Promise<void> {
    const ids: string[] = [];
    const { stream } = await streamJobEvents({ path: { id }, onSseEvent: (event) => ids.push(event.id ?? "") });
    for await (const _ of stream);
    assert.ok(ids.length >= 3, `${ids}`);
}

// Submit a batch into a paused queue, resume the queue and wait for the jobs.
async function runPausedBatch(): Promise<void> {
    const { data: paused } = await pauseQueue(admin);
    assert.ok(paused.paused);
    const jobs = [1, 9].map((priority): BatchJob => ({ task: "demo.countdown", input: { seconds: 1 }, priority }));
    const { data: batch } = await submitBatch({ body: { jobs, tags: ["night"] }, throwOnError: true });
    const { data: queue } = await getQueue({ path: { queue: "default" }, throwOnError: true });
    assert.equal(queue.depth, 2);
    assert.equal(queue.depth_by_priority[9], 1);
    const { data: resumed } = await resumeQueue(admin);
    assert.ok(!resumed.paused);
    await followBatch(batch);
}

async function followBatch(batch: Batch): Promise<void> {
    const { stream } = await streamBatchEvents({ path: { id: batch.id } });
    for await (const _ of stream);
    const { data: ended } = await getBatch({ path: { id: batch.id }, throwOnError: true });
    assert.ok(ended.done);
    assert.equal(ended.counts.SUCCESS, batch.total);
    const { data: list } = await listJobs({ query: { batch_id: batch.id }, throwOnError: true });
    assert.equal(list.items.length, batch.total);
}

async function cancel(): Promise<void> {
    const { data: submitted } = await submitDemoCountdown({ body: { input: { seconds: 3600 } }, throwOnError: true });
    await cancelJob({ path: { id: submitted.id }, throwOnError: true });
    const { data: job } = await getDemoCountdown({
        path: { id: submitted.id },
        query: { wait: 60 },
        throwOnError: true,
    });
    assert.equal(job.state, "REVOKED");
}

async function fail(): Promise<void> {
    const { data: job } = await submitDemoCountdown({
        body: { input: { seconds: 1, fail_at: 0 } },
        headers: { prefer: "wait=60" },
        throwOnError: true,
    });
    assert.equal(job.error?.code, "demo.asked_to_fail");
}

async function readRefusal(id: string): Promise<void> {
    const { error: conflict } = await cancelJob({ path: { id } });
    assert.ok(conflict);
    assert.equal(conflict.status, 409);
    assert.equal(conflict.code, "conflict");
    const { error: invalid } = await submitDemoCountdown({ body: { input: { seconds: 0 } } });
    assert.equal(invalid?.errors?.[0]?.pointer, "/input/seconds");
}

async function main(path: string): Promise<void> {
    const { id } = await shrink(await upload(path));
    await readAny(id);
    await download(id);
    await follow(id);
    await runPausedBatch();
    await cancel();
    await fail();
    await readRefusal(id);
}

void main(process.argv[2] ?? "photo.jpg");
