import { Problem } from './problem';

/** What a fetch may cost, and who hears of it. */
interface FetchOptions {
	/** Bytes; a longer file is refused as soon as it is seen to be longer. */
	limit?: number;
	/** Called with the size of every piece as it arrives. */
	onBytes?: (count: number) => void;
}

/** Far more than any file that is fetched without a limit of its own: the policy and the verifier's wasm. */
const DEFAULT_LIMIT = 32_000_000;

/**
 * One public file of this origin (evidence, the policy, the verifier's wasm) as its exact bytes.
 *
 * @param path with or without the leading slash, e.g. "epoch/7/shares"
 * @throws Problem whose message names the path and what is wrong; its status is 404 where there is no such file
 */
export async function fetchFile(path: string, options: FetchOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
	const url = `/${path.replace(/^\/+/, '')}`;
	const response = await fetch(url, { credentials: 'omit' }).catch(() => {
		throw new Problem(0, 'unreachable', `${url} can’t be fetched: the server can’t be reached.`);
	});
	// An unknown path is answered with the app's page; evidence never is a page.
	const isPage = response.headers.get('content-type')?.startsWith('text/html') ?? false;
	if (!response.ok || isPage) {
		const status = isPage ? 404 : response.status;
		throw new Problem(status, 'file', `${url}: HTTP ${status}`);
	}
	return readAll(url, response, options);
}

/** A file that is text in UTF-8; a malformed byte is an error. */
export async function fetchText(path: string): Promise<string> {
	return new TextDecoder('utf-8', { fatal: true }).decode(await fetchFile(path));
}

async function readAll(url: string, response: Response, { limit = DEFAULT_LIMIT, onBytes }: FetchOptions): Promise<Uint8Array<ArrayBuffer>> {
	if (!response.body) return new Uint8Array();
	const pieces: Uint8Array[] = [];
	let size = 0;
	const reader = response.body.getReader();
	for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
		size += piece.value.length;
		if (size > limit) {
			await reader.cancel();
			throw new Problem(0, 'too_long', `${url} is longer than the ${limit} bytes it may have.`);
		}
		pieces.push(piece.value);
		onBytes?.(piece.value.length);
	}
	return joined(pieces, size);
}

function joined(pieces: Uint8Array[], size: number): Uint8Array<ArrayBuffer> {
	const whole = new Uint8Array(size);
	let at = 0;
	for (const piece of pieces) {
		whole.set(piece, at);
		at += piece.length;
	}
	return whole;
}
