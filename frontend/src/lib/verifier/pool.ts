import type { Listener } from './evidence';

/**
 * Tasks that one counting worker has under way: while it hashes for the one, the shares of the other come in.
 */
const TASKS_PER_WORKER = 2;

/** Beyond this, more counting workers only wait for the network. */
const MOST_WORKERS = 8;

/** What the coordinator tells a counting worker: first the compiled verifier, then tasks. */
export type CountingOrder = { type: 'start'; module: WebAssembly.Module } | { type: 'count'; id: number; task: string };

/** What a counting worker answers. */
export type CountingAnswer =
	| { type: 'fetched'; bytes: number; files: number }
	| { type: 'interrupted'; message: string }
	| { type: 'counted'; id: number; counted: string }
	| { type: 'failed'; id: number; message: string };

/** The part of a Worker that the pool needs. */
export type CountingWorker = Pick<Worker, 'postMessage' | 'onmessage' | 'onerror'>;

/** Counting workers for a machine of so many processors. */
export function workersFor(processors: number | undefined): number {
	return Math.min(MOST_WORKERS, Math.max(1, processors ?? 1));
}

interface Waiting {
	task: string;
	resolve(counted: string): void;
	reject(reason: Error): void;
}

interface Member {
	worker: CountingWorker;
	/** The tasks it has under way, by their number. */
	under: Map<number, Waiting>;
	/** Whether it has counted anything. */
	used: boolean;
}

/** Counting workers, each with at most two tasks under way; the rest wait in order. */
export class CountingPool {
	#members: Member[];
	#waiting: Waiting[] = [];
	#listener: Listener;
	#next = 0;

	constructor(workers: CountingWorker[], module: WebAssembly.Module, listener: Listener) {
		this.#listener = listener;
		this.#members = workers.map((worker) => ({ worker, under: new Map(), used: false }));
		for (const member of this.#members) {
			member.worker.onmessage = (event: MessageEvent<CountingAnswer>) => this.#take(member, event.data);
			member.worker.onerror = (event) => listener.interrupted(event.message || 'A counting worker could not be started.');
			this.#tell(member, { type: 'start', module });
		}
	}

	/** How many tasks are worth having under way. */
	get lanes(): number {
		return this.#members.length * TASKS_PER_WORKER;
	}

	/** How many workers have counted something. */
	get used(): number {
		return this.#members.filter((member) => member.used).length;
	}

	/** Has one task counted; resolves to what the verifier made of it. */
	count(task: string): Promise<string> {
		return new Promise((resolve, reject) => {
			this.#waiting.push({ task, resolve, reject });
			this.#hand();
		});
	}

	/** Gives the tasks that wait to the workers that have least to do. */
	#hand(): void {
		for (;;) {
			const member = this.#members.reduce((a, b) => (b.under.size < a.under.size ? b : a));
			if (member.under.size >= TASKS_PER_WORKER) return;
			const waiting = this.#waiting.shift();
			if (waiting === undefined) return;
			const id = this.#next++;
			member.under.set(id, waiting);
			this.#tell(member, { type: 'count', id, task: waiting.task });
		}
	}

	#take(member: Member, answer: CountingAnswer): void {
		switch (answer.type) {
			case 'fetched':
				this.#listener.fetched(answer.bytes, answer.files);
				return;
			case 'interrupted':
				this.#listener.interrupted(answer.message);
				return;
			case 'counted':
				member.used = true;
				this.#finished(member, answer.id)?.resolve(answer.counted);
				break;
			case 'failed':
				this.#finished(member, answer.id)?.reject(new Error(answer.message));
		}
		this.#hand();
	}

	#finished(member: Member, id: number): Waiting | undefined {
		const waiting = member.under.get(id);
		member.under.delete(id);
		return waiting;
	}

	#tell({ worker }: Member, order: CountingOrder): void {
		worker.postMessage(order);
	}
}
