import { expect, it } from 'vitest';
import { CountingPool, workersFor, type CountingAnswer, type CountingOrder, type CountingWorker } from './pool';

/** A worker whose answers the test gives by hand. */
class Scripted implements CountingWorker {
	tasks: { id: number; task: string }[] = [];
	onmessage: CountingWorker['onmessage'] = null;
	onerror: CountingWorker['onerror'] = null;

	postMessage(order: CountingOrder) {
		if (order.type === 'count') this.tasks.push(order);
	}

	answer(answer: CountingAnswer) {
		this.onmessage?.call(this as unknown as Worker, { data: answer } as MessageEvent<CountingAnswer>);
	}

	finish(task: string) {
		const { id } = this.tasks.find((one) => one.task === task)!;
		this.answer({ type: 'counted', id, counted: `${task} counted` });
	}
}

function poolOf(size: number) {
	const workers = Array.from({ length: size }, () => new Scripted());
	const interruptions: string[] = [];
	let bytes = 0;
	const listener = {
		fetched: (more: number) => void (bytes += more),
		interrupted: (message: string) => void interruptions.push(message)
	};
	const pool = new CountingPool(workers, {} as WebAssembly.Module, listener);
	return { workers, pool, interruptions, bytes: () => bytes };
}

const names = (worker: Scripted) => worker.tasks.map(({ task }) => task);

it('tasks go to the workers in turn, two to each, and the rest wait', () => {
	const { workers, pool } = poolOf(2);
	for (const task of ['a', 'b', 'c', 'd', 'e']) void pool.count(task);
	expect(workers.map(names)).toEqual([
		['a', 'c'],
		['b', 'd']
	]);
	expect(pool.lanes).toBe(4);
});

it('a finished task makes room for the next one, on the same worker', async () => {
	const { workers, pool } = poolOf(2);
	const results = ['a', 'b', 'c', 'd', 'e'].map((task) => pool.count(task));
	workers[1]!.finish('b');
	expect(await results[1]).toBe('b counted');
	expect(names(workers[1]!)).toEqual(['b', 'd', 'e']);
	expect(pool.used).toBe(1);
});

it('a task that can’t be counted is rejected, and the worker goes on', async () => {
	const { workers, pool } = poolOf(1);
	const [first, , third] = ['a', 'b', 'c'].map((task) => pool.count(task));
	workers[0]!.answer({ type: 'failed', id: 0, message: 'no such epoch' });
	await expect(first).rejects.toThrow('no such epoch');
	workers[0]!.finish('c');
	expect(await third).toBe('c counted');
});

it('bytes and interruptions of any worker are heard', () => {
	const { workers, interruptions, bytes } = poolOf(2);
	workers[0]!.answer({ type: 'fetched', bytes: 10, files: 0 });
	workers[1]!.answer({ type: 'fetched', bytes: 5, files: 1 });
	workers[1]!.answer({ type: 'interrupted', message: 'the server is away' });
	expect(bytes()).toBe(15);
	expect(interruptions).toEqual(['the server is away']);
});

it.each([
	[undefined, 1],
	[1, 1],
	[4, 4],
	[64, 8]
])('a machine of %s processors gets %s workers', (processors, workers) => expect(workersFor(processors)).toBe(workers));
