import { toProblem } from '$lib/api/problem';
import type { AuditOrder, Effort, Message, Request } from './messages';
import { coordinator } from './coordinator/start';
import { Pace } from './pace';
import { workersFor } from './pool';
import { policyFacts } from './policy';
import { parseReport, type Progress, type Report } from './report';
import { hasSimd } from './simd';

/** idle → running → done | stopped | broken. From all of them a new run starts; what was counted is kept. */
export type Phase = 'idle' | 'running' | 'stopped' | 'done' | 'broken';

const NO_EFFORT: Effort = { bytes: 0, files: 0, workers: 0, keptShares: 0 };

/** One press of the Verify button: the coordinator's life and what it has told so far. */
export class Verification {
	phase = $state<Phase>('idle');
	progress = $state.raw<Progress | null>(null);
	effort = $state.raw<Effort>(NO_EFFORT);
	/** Shares a second and milliseconds left; `null` while nobody can say. */
	pace = $state.raw<{ sharesPerSecond: number | null; bytesPerSecond: number | null; leftMs: number | null }>(unknownPace());
	wasmSha256 = $state<string | null>(null);
	report = $state.raw<Report | null>(null);
	/** The report exactly as the verifier wrote it, for keeping. */
	reportJson = $state.raw('');
	/** The signed head of the log exactly as it was fetched. */
	checkpoint = $state.raw('');
	/** What was asked: with the claims and the remembered log that the report was held against. */
	request = $state.raw<Request | null>(null);
	/** Why it is broken. */
	error = $state('');
	/** Whether it is broken because the server could not be had: another try may do. */
	interrupted = $state(false);
	tookMs = $state(0);

	#worker: Worker | null = null;
	#startedAt = 0;
	#measured = new Pace();

	/**
	 * Starts over; what was counted in this browser before is not counted again.
	 *
	 * @param prepare what to verify, the server's claims included; resolved before any evidence is fetched, so that the
	 * signed log must already cover the claims, and here, so that its failure is shown like any other
	 */
	async start(prepare: () => Promise<Request>): Promise<void> {
		this.reset();
		this.phase = 'running';
		this.#startedAt = performance.now();
		const startedAt = this.#startedAt;
		try {
			const request = await prepare();
			if (this.phase !== 'running' || this.#startedAt !== startedAt) return;
			this.request = request;
			this.#run(request);
		} catch (thrown) {
			this.#break(toProblem(thrown).message);
		}
	}

	/** Ends the workers at once. What they have counted stays in this browser, and how far they came stays shown. */
	cancel(): void {
		this.#end();
		this.phase = 'stopped';
	}

	/** Ends the workers at once and forgets what they told. */
	reset(): void {
		this.#end();
		this.phase = 'idle';
		this.progress = null;
		this.effort = NO_EFFORT;
		this.pace = unknownPace();
		this.#measured = new Pace();
		this.report = null;
		this.reportJson = '';
		this.checkpoint = '';
		this.request = null;
		this.wasmSha256 = null;
		this.error = '';
		this.interrupted = false;
	}

	#run(request: Request): void {
		const worker = coordinator();
		worker.onmessage = (event: MessageEvent<Message>) => this.#take(event.data);
		worker.onerror = (event) => this.#break(event.message || 'The verifier could not be started. Reload the page.');
		const { logKeys } = policyFacts(request.policy);
		const workers = workersFor(navigator.hardwareConcurrency);
		const order: AuditOrder = { type: 'audit', request, logKeys, simd: hasSimd(), workers };
		worker.postMessage(order);
		this.#worker = worker;
	}

	#take(message: Message): void {
		switch (message.type) {
			case 'loaded':
				this.wasmSha256 = message.wasmSha256;
				return;
			case 'progress':
				this.#progressed(message.progress, message.effort);
				return;
			case 'report':
				this.checkpoint = message.checkpoint;
				this.#finish(message.json, message.effort);
				return;
			case 'policy':
				return;
			case 'interrupted':
				this.interrupted = true;
				this.#break(message.message);
				return;
			case 'broken':
				this.#break(message.message);
		}
	}

	#progressed(progress: Progress | null, effort: Effort): void {
		this.progress = progress;
		this.effort = effort;
		if (progress === null) return;
		this.#measured.see(performance.now(), progress.shares - effort.keptShares, effort.bytes);
		const { sharesPerSecond, bytesPerSecond } = this.#measured;
		this.pace = { sharesPerSecond, bytesPerSecond, leftMs: this.#measured.leftMs(progress.shares_total - progress.shares) };
	}

	#finish(json: string, effort: Effort): void {
		try {
			this.report = parseReport(json);
		} catch (thrown) {
			this.#break(toProblem(thrown).message);
			return;
		}
		this.reportJson = json;
		this.effort = effort;
		this.tookMs = performance.now() - this.#startedAt;
		this.phase = 'done';
		this.#end();
	}

	#break(message: string): void {
		this.#end();
		this.error = message;
		this.phase = 'broken';
	}

	/** The coordinator's own workers end with it. */
	#end(): void {
		this.#worker?.terminate();
		this.#worker = null;
	}
}

function unknownPace() {
	return { sharesPerSecond: null, bytesPerSecond: null, leftMs: null };
}
