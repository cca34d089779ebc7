import type { Listener } from '../evidence';
import type { Effort, Message } from '../messages';
import type { Progress } from '../report';

/** At most ten progress messages a second: a screen reader and a slow phone can follow that. */
const PROGRESS_EVERY_MS = 100;

/** Gathers what all workers did, and tells the page; after the last words nothing more is told. */
export class News implements Listener {
	#effort: Effort = { bytes: 0, files: 0, workers: 0, keptShares: 0 };
	#progress: Progress | null = null;
	#toldAt = -Infinity;
	#ended = false;

	constructor(
		private post: (message: Message) => void,
		private now: () => number = () => performance.now()
	) {}

	/** The verifier is here and its bytes are the right ones. */
	loaded(wasmSha256: string): void {
		this.post({ type: 'loaded', wasmSha256 });
	}

	fetched(bytes: number, files: number): void {
		this.#effort.bytes += bytes;
		this.#effort.files += files;
		this.#tell();
	}

	progress(progress: Progress): void {
		this.#progress = progress;
		this.#tell();
	}

	/** Who counted, and what did not have to be counted again. */
	counted({ workers, keptShares }: Pick<Effort, 'workers' | 'keptShares'>): void {
		this.#effort = { ...this.#effort, workers, keptShares };
	}

	report(json: string, checkpoint: string): void {
		this.#end({ type: 'report', json, checkpoint, effort: this.#effort });
	}

	/** Why a policy can't be used, or that it can. */
	policy(problem: string | null): void {
		this.#end({ type: 'policy', problem });
	}

	interrupted(message: string): void {
		this.#end({ type: 'interrupted', message });
	}

	broken(message: string): void {
		this.#end({ type: 'broken', message });
	}

	#end(message: Message): void {
		if (this.#ended) return;
		this.#ended = true;
		this.post(message);
	}

	#tell(): void {
		const now = this.now();
		if (this.#ended || now - this.#toldAt < PROGRESS_EVERY_MS) return;
		this.#toldAt = now;
		this.post({ type: 'progress', progress: this.#progress, effort: this.#effort });
	}
}
