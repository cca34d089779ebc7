import { fetchFile } from '$lib/api/files';
import { toProblem } from '$lib/api/problem';
import { hex } from './hex';

/** One build of the verifier: where it is, and what its bytes must hash to. */
export interface ModuleSource {
	path: string;
	/** In lower-case hex, fixed when the pages were built: the same value stands in the log's manifest. */
	sha256: string;
	/** The same bytes in the form of Subresource Integrity (W3C). */
	integrity: string;
}

/** The verifier, ready to be instantiated anywhere. */
export interface LoadedModule {
	module: WebAssembly.Module;
	/** Of the very bytes that were compiled. */
	sha256: string;
}

/**
 * Fetches the verifier once and compiles it. The browser refuses bytes that do not have the hash; they are hashed here
 * too, since the audit is told what really runs.
 *
 * @throws Error that says what was served instead
 */
export async function loadModule({ path, sha256, integrity }: ModuleSource): Promise<LoadedModule> {
	const bytes = await fetchFile(path, { integrity }).catch(async (thrown) => {
		throw (await served(path, sha256)) ?? thrown;
	});
	const found = await sha256Of(bytes);
	if (found !== sha256) throw refusal(sha256, found);
	return { module: await WebAssembly.compile(bytes), sha256: found };
}

/** The browser does not say why it refused: asks again without integrity to tell changed bytes from a lost connection. */
async function served(path: string, sha256: string): Promise<Error | null> {
	try {
		const found = await sha256Of(await fetchFile(path));
		return found === sha256 ? null : refusal(sha256, found);
	} catch (thrown) {
		return toProblem(thrown);
	}
}

function refusal(expected: string, found: string): Error {
	return new Error(
		`The server sent another verifier than the one these pages were built with, so it was not run. ` +
			`Its SHA-256 must be ${expected} and is ${found}.`
	);
}

async function sha256Of(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
	return hex(await crypto.subtle.digest('SHA-256', bytes));
}
