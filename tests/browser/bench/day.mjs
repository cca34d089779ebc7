/**
 * A day of 86,400 shares, verified exactly in Chromium with a worker a core: prints one line of JSON.
 *
 * Environment: CHROMIUM, WASM_WEB (folder of the built verifier), DAY (folder of evidence, of the program `make_day`).
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { launchChromium } from '../support/chromium.mjs';
import { serveFolders } from './files.mjs';

const RUNS = 3;
/** Tasks of one worker at a time: while one waits for its files, another is hashed. */
const TASKS = 4;

const { values: options } = parseArgs({ options: { json: { type: 'string' } } });
const here = dirname(fileURLToPath(import.meta.url));
const workers = Math.min(8, availableParallelism());
const server = await serveFolders({ '/wasm/': process.env.WASM_WEB, '/bench/': here, '/day/': process.env.DAY });
const browser = await launchChromium(process.env.CHROMIUM);
try {
	const runs = [];
	for (let run = 0; run < RUNS; run += 1) runs.push(await verifyDay());
	const { report, seconds, bytes } = runs.sort((one, other) => one.seconds - other.seconds)[RUNS >> 1];
	const { held, totals, depth } = JSON.parse(report);
	const failed = JSON.parse(report).checks.filter(({ outcome }) => outcome === 'failed');
	assert.deepEqual(failed, []);
	const figure = {
		name: 'day',
		held,
		depth,
		shares: totals.shares,
		epochs: totals.epochs,
		workers,
		seconds: Math.round(seconds * 1000) / 1000,
		bytes,
		shares_per_second: Math.round(totals.shares / seconds)
	};
	const line = JSON.stringify(figure);
	console.log(line);
	if (options.json) writeFileSync(options.json, `${line}\n`);
	process.exitCode = held && totals.shares === 86_400 ? 0 : 1;
} finally {
	await browser.close();
	server.close();
}

/** From the click to the verdict, in a page that has nothing yet: the modules are fetched and compiled too. */
async function verifyDay() {
	const page = await (await browser.newContext()).newPage();
	await page.goto(server.url);
	const result = await page.evaluate(
		async ([count, tasks]) => {
			const start = () => new Worker('/bench/day-worker.mjs', { type: 'module' });
			const ports = Array.from({ length: count }, () => {
				const channels = Array.from({ length: tasks }, () => new MessageChannel());
				const theirs = channels.map(({ port1 }) => port1);
				start().postMessage({ serve: theirs }, theirs);
				return channels.map(({ port2 }) => port2);
			}).flat();
			const auditor = start();
			return new Promise((resolve, reject) => {
				auditor.onmessage = ({ data }) => resolve(data);
				auditor.onerror = (event) => reject(new Error(event.message));
				auditor.postMessage({ ports }, ports);
			});
		},
		[workers, TASKS]
	);
	await page.context().close();
	return result;
}
