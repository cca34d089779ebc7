import { toProblem } from '$lib/api/problem';
import type { Message, Request } from './messages';
import { parseReport, type Progress, type Report } from './report';

/** idle → running → done | broken; `stop` leads back to idle. */
export type Phase = 'idle' | 'running' | 'done' | 'broken';

/** One press of the Verify button: the worker's life and what it has told so far. */
export class Verification {
	phase = $state<Phase>('idle');
	progress = $state.raw<Progress | null>(null);
	bytes = $state(0);
	files = $state(0);
	wasmSha256 = $state<string | null>(null);
	report = $state.raw<Report | null>(null);
	/** The report exactly as the verifier wrote it, for keeping. */
	reportJson = $state.raw('');
	/** What was asked: with the claims and the remembered log that the report was held against. */
	request = $state.raw<Request | null>(null);
	error = $state('');
	tookMs = $state(0);

	#worker: Worker | null = null;
	#startedAt = 0;

	/**
	 * Starts over.
	 *
	 * @param prepare what to verify, the server's claims included; resolved before any evidence is fetched, so that the
	 * signed log must already cover the claims, and here, so that its failure is shown like any other
	 */
	async start(prepare: () => Promise<Request>): Promise<void> {
		this.stop();
		this.phase = 'running';
		this.#startedAt = performance.now();
		try {
			const request = await prepare();
			if (this.phase !== 'running') return;
			this.request = request;
			this.#run(request);
		} catch (thrown) {
			this.#break(toProblem(thrown).message);
		}
	}

	/** Ends the worker at once and forgets what it found. */
	stop(): void {
		this.#worker?.terminate();
		this.#worker = null;
		this.phase = 'idle';
		this.progress = null;
		this.report = null;
		this.reportJson = '';
		this.request = null;
		this.wasmSha256 = null;
		this.bytes = 0;
		this.files = 0;
		this.error = '';
	}

	#run(request: Request): void {
		const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
		worker.onmessage = (event: MessageEvent<Message>) => this.#take(event.data);
		worker.onerror = (event) => this.#break(event.message || 'The verifier could not be started. Reload the page.');
		worker.postMessage(request);
		this.#worker = worker;
	}

	#take(message: Message): void {
		switch (message.type) {
			case 'loaded':
				this.wasmSha256 = message.wasmSha256;
				return;
			case 'progress':
				this.progress = message.progress;
				this.bytes = message.bytes;
				this.files = message.files;
				return;
			case 'report':
				this.#finish(message.json);
				return;
			case 'broken':
				this.#break(message.message);
		}
	}

	#finish(json: string): void {
		try {
			this.report = parseReport(json);
		} catch (thrown) {
			this.#break(toProblem(thrown).message);
			return;
		}
		this.reportJson = json;
		this.tookMs = performance.now() - this.#startedAt;
		this.phase = 'done';
		this.#worker?.terminate();
	}

	#break(message: string): void {
		this.#worker?.terminate();
		this.error = message;
		this.phase = 'broken';
	}
}
