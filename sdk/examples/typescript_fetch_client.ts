// A program on a client of openapi-generator (typescript-fetch): every step, every response with its type.

import assert from "node:assert/strict";
import { openAsBlob } from "node:fs";

import {
    BatchesApi,
    Configuration,
    DemoApi,
    FilesApi,
    ImageApi,
    JobsApi,
    ProblemFromJSON,
    QueuesApi,
    ResponseError,
    State,
    type Batch,
    type BatchJob,
    type FileInfo,
    type ImageThumbnailJob,
    type Problem,
} from "../../build/sdk/typescript-fetch/index.js";

const basePath = process.env["JOBLINE_URL"] ?? "http://127.0.0.1:8000";
const configuration = new Configuration({ basePath, accessToken: process.env["JOBLINE_API_KEY"] ?? "" });
const admin = new Configuration({ basePath, accessToken: process.env["JOBLINE_ADMIN_KEY"] ?? "" });
const batches = new BatchesApi(configuration);
const demo = new DemoApi(configuration);
const files = new FilesApi(configuration);
const image = new ImageApi(configuration);
const jobs = new JobsApi(configuration);
const queues = new QueuesApi(admin);

async function upload(path: string): Promise<FileInfo> {
    const photo = new File([await openAsBlob(path)], "photo.jpg", { type: "image/jpeg" });
    const file = await files.uploadFile({ file: photo });
    assert.equal(file.sizeBytes, photo.size);
    return file;
}

async function shrink(file: FileInfo): Promise<ImageThumbnailJob> {
    const order = { input: { file: file.id, width: 64 }, tags: ["fetch"] };
    let job = await image.submitImageThumbnail({ submitImageThumbnail: order });
    job = await image.getImageThumbnail({ id: job.id, wait: 60 });
    assert.equal(job.state, State.Success);
    assert.ok(job.result);
    const width: number = job.result.width;
    assert.equal(width, 64);
    return job;
}

async function readAny(id: string): Promise<void> {
    const job = await jobs.getJob({ id });
    assert.ok(job.task === "image.thumbnail" && job.result);
    assert.equal(job.result.width, 64);
    const list = await jobs.listJobs({ tag: "fetch", limit: 10 });
    assert.deepEqual(
        list.items.map((item) => item.id),
        [id],
    );
}

async function download(id: string): Promise<Blob> {
    const [made] = (await files.listArtifacts({ id })).items;
    assert.ok(made);
    const picture = await files.downloadArtifact({ id, name: made.name });
    assert.equal(picture.size, made.sizeBytes);
    return picture;
}

// Submit a batch into a paused queue, resume the queue and wait for the jobs.
async function runPausedBatch(): Promise<void> {
    assert.ok((await queues.pauseQueue({ queue: "default" })).paused);
    const wanted = [1, 9].map((priority): BatchJob => ({ task: "demo.countdown", input: { seconds: 1 }, priority }));
    const batch = await batches.submitBatch({ submitBatch: { jobs: wanted, tags: ["night"] } });
    const queue = await queues.getQueue({ queue: "default" });
    assert.equal(queue.depth, 2);
    assert.equal(queue.depthByPriority[9], 1);
    assert.ok(!(await queues.resumeQueue({ queue: "default" })).paused);
    await follow(batch);
}

async function follow(batch: Batch): Promise<void> {
    const found = await jobs.listJobs({ batchId: batch.id });
    assert.equal(found.items.length, batch.total);
    for (const job of found.items) {
        assert.deepEqual(job.tags, ["night"]);
        await jobs.getJob({ id: job.id, wait: 60 });
    }
    const ended = await batches.getBatch({ id: batch.id });
    assert.ok(ended.done);
    assert.equal(ended.counts.sUCCESS, batch.total);
}

async function cancel(): Promise<void> {
    const { id } = await demo.submitDemoCountdown({ submitDemoCountdown: { input: { seconds: 3600 } } });
    await jobs.cancelJob({ id });
    const job = await demo.getDemoCountdown({ id, wait: 60 });
    assert.equal(job.state, State.Revoked);
}

async function fail(): Promise<void> {
    const order = { input: { seconds: 1, failAt: 0 } };
    const job = await demo.submitDemoCountdown({ submitDemoCountdown: order, prefer: "wait=60" });
    assert.equal(job.error?.code, "demo.asked_to_fail");
}

async function problemOf(call: Promise<unknown>): Promise<Problem> {
    try {
        await call;
    } catch (error) {
        if (error instanceof ResponseError) return ProblemFromJSON(await error.response.json());
        throw error;
    }
    throw new Error("not refused");
}

async function readRefusal(id: string): Promise<void> {
    const conflict = await problemOf(jobs.cancelJob({ id }));
    assert.equal(conflict.status, 409);
    assert.equal(conflict.code, "conflict");
    const invalid = await problemOf(demo.submitDemoCountdown({ submitDemoCountdown: { input: { seconds: 0 } } }));
    assert.equal(invalid.errors?.[0]?.pointer, "/input/seconds");
}

async function main(path: string): Promise<void> {
    const { id } = await shrink(await upload(path));
    await readAny(id);
    await download(id);
    await runPausedBatch();
    await cancel();
    await fail();
    await readRefusal(id);
}

void main(process.argv[2] ?? "photo.jpg");
