import { Problem } from './problem';

/** What a fetch may cost, and who hears of it. */
interface FetchOptions {
	/** Bytes; a longer file is refused as soon as it is seen to be longer. */
	limit?: number;
	/** Called with the size of every piece as it arrives. */
	onBytes?: (count: number) => void;
	/** Subresource Integrity (W3C): the browser itself refuses other bytes. */
	integrity?: string;
}

/** Far more than any file that is fetched without a limit of its own: the policy and the verifier's wasm. */
const DEFAULT_LIMIT = 32_000_000;

/** Answers that say nothing about the file, only about this moment (RFC 9110, RFC 6585). */
const PASSING = [408, 429, 500, 502, 503, 504];

/**
 * One public file of this origin (evidence, the policy, the verifier's wasm) as its exact bytes.
 *
 * @param path with or without the leading slash, e.g. "epoch/7/shares"
 * @throws Problem whose message names the path and what is wrong; its status is 404 where there is no such file
 */
export async function fetchFile(path: string, options: FetchOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
	const { limit = DEFAULT_LIMIT, integrity = '', onBytes } = options;
	const response = await get(path, { integrity });
	return read(path, response, { skip: 0, limit, longer: 'refuse' }, onBytes);
}

/** A file that is text in UTF-8; a malformed byte is an error. */
export async function fetchText(path: string): Promise<string> {
	return new TextDecoder('utf-8', { fatal: true }).decode(await fetchFile(path));
}

/**
 * Bytes `start` to `start + length` of a file: fewer only where the file ends. A server that knows no ranges and sends
 * the whole file is read up to the last byte that is needed, and no further.
 *
 * @throws Problem as `fetchFile`
 */
export async function fetchRange(
	path: string,
	start: number,
	length: number,
	{ onBytes }: Pick<FetchOptions, 'onBytes'> = {}
): Promise<Uint8Array<ArrayBuffer>> {
	if (length === 0) return new Uint8Array();
	const response = await get(path, { headers: { range: `bytes=${start}-${start + length - 1}` } });
	if (response.status === 416) return new Uint8Array();
	const isPart = response.status === 206;
	const range = response.headers.get('content-range');
	if (isPart && range?.startsWith(`bytes ${start}-`) === false) {
		throw new Problem(0, 'range', `${address(path)}: the server sent ${range} instead of the bytes from ${start} on.`);
	}
	const part: Part = isPart ? { skip: 0, limit: length, longer: 'refuse' } : { skip: start, limit: length, longer: 'cut' };
	return read(path, response, part, onBytes);
}

/** Whether the way to the server or its load is to blame, and the same request may succeed later. */
export function isPassing(thrown: unknown): boolean {
	return thrown instanceof Problem && (thrown.code === 'unreachable' || PASSING.includes(thrown.status));
}

/** Which part of a body is wanted, and what to do when it goes on behind that. */
interface Part {
	skip: number;
	limit: number;
	longer: 'refuse' | 'cut';
}

async function get(path: string, init: RequestInit): Promise<Response> {
	const url = address(path);
	const response = await fetch(url, { credentials: 'omit', ...init }).catch(() => {
		throw unreachable(path);
	});
	// An unknown path is answered with the app's page; evidence never is a page.
	const isPage = response.headers.get('content-type')?.startsWith('text/html') ?? false;
	const status = isPage ? 404 : response.status;
	const isBehindEnd = status === 416 && init.headers !== undefined;
	if (isPage || !(response.ok || isBehindEnd)) throw new Problem(status, 'file', `${url}: HTTP ${status}`);
	return response;
}

async function read(path: string, { body }: Response, part: Part, onBytes?: (count: number) => void): Promise<Uint8Array<ArrayBuffer>> {
	if (!body) return new Uint8Array();
	const end = part.skip + part.limit;
	const pieces: Uint8Array[] = [];
	const reader = body.getReader();
	let at = 0;
	for (;;) {
		const piece = await reader.read().catch(() => {
			throw unreachable(path);
		});
		if (piece.done) break;
		const { value } = piece;
		onBytes?.(value.length);
		pieces.push(value.subarray(Math.max(0, part.skip - at), Math.max(0, end - at)));
		at += value.length;
		if (at > end && part.longer === 'refuse') {
			await reader.cancel();
			throw new Problem(0, 'too_long', `${address(path)} is longer than the ${part.limit} bytes it may have.`);
		}
		if (at > end && part.longer === 'cut') {
			await reader.cancel();
			break;
		}
	}
	return joined(pieces);
}

function address(path: string): string {
	return `/${path.replace(/^\/+/, '')}`;
}

function unreachable(path: string): Problem {
	return new Problem(0, 'unreachable', `${address(path)} can’t be fetched: the server can’t be reached.`);
}

function joined(pieces: Uint8Array[]): Uint8Array<ArrayBuffer> {
	const whole = new Uint8Array(pieces.reduce((size, piece) => size + piece.length, 0));
	let at = 0;
	for (const piece of pieces) {
		whole.set(piece, at);
		at += piece.length;
	}
	return whole;
}
