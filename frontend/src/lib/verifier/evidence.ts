import { fetchFile, fetchRange, isPassing } from '$lib/api/files';
import { Problem, toProblem } from '$lib/api/problem';

/** Pauses before a request is sent again, in milliseconds: a restart of a server or a change of network fits in. */
const WAITS_MS = [300, 1_200, 4_000];

/** What the verifier fetches evidence with; it may be asked for many files at a time. */
export interface Evidence {
	/** A whole file. Rejects with an Error, whose name is `NotFound` where there is no such file. */
	fetch(path: string, limit: number): Promise<Uint8Array>;
	/** The bytes from `start` on, fewer than `length` only where the file ends. Rejects as `fetch`. */
	fetchRange(path: string, start: number, length: number): Promise<Uint8Array>;
}

/** What is heard of the fetching. */
export interface Listener {
	/** Something came in, since the last call. */
	fetched(bytes: number, files: number): void;
	/** The server can't be had, also after waiting. What the verifier then reports proves nothing about the evidence. */
	interrupted(message: string): void;
}

/** Evidence from this page's own origin. A passing trouble is waited out, since it says nothing about the evidence. */
export function ownEvidence(listener: Listener, waitsMs = WAITS_MS): Evidence {
	const onBytes = (bytes: number) => listener.fetched(bytes, 0);
	async function patiently(request: () => Promise<Uint8Array>): Promise<Uint8Array> {
		try {
			const bytes = await again(request, waitsMs);
			listener.fetched(0, 1);
			return bytes;
		} catch (thrown) {
			if (isPassing(thrown)) listener.interrupted(toProblem(thrown).message);
			throw named(thrown);
		}
	}
	return {
		fetch: (path, limit) => patiently(() => fetchFile(path, { limit, onBytes })),
		fetchRange: (path, start, length) => patiently(() => fetchRange(path, start, length, { onBytes }))
	};
}

async function again<T>(request: () => Promise<T>, waitsMs: number[]): Promise<T> {
	for (const waitMs of waitsMs) {
		try {
			return await request();
		} catch (thrown) {
			if (!isPassing(thrown)) throw thrown;
			await new Promise((resolve) => setTimeout(resolve, waitMs));
		}
	}
	return request();
}

/** The verifier tells a missing file by the name of the error. */
function named(thrown: unknown): unknown {
	if (thrown instanceof Problem && thrown.status === 404) thrown.name = 'NotFound';
	return thrown;
}
