import { api, ask } from '$lib/api/client';
import { toProblem, type Problem } from '$lib/api/problem';
import type { Status } from '$lib/api/types';

/** The server's public figures, shared by every part of the page that shows them. */
class PublicStatus {
	current = $state.raw<Status>();
	problem = $state.raw<Problem>();

	/** Asks again; resolves to whether anything changed. Errors are kept in `problem`. */
	async load(): Promise<boolean> {
		try {
			const before = JSON.stringify(this.current);
			this.current = await ask(api.GET('/api/v1/status'));
			this.problem = undefined;
			return JSON.stringify(this.current) !== before;
		} catch (thrown) {
			this.problem = toProblem(thrown);
			return false;
		}
	}

	/** Whether the coins of this network are worth nothing. */
	get isTestNetwork(): boolean {
		const network = this.current?.network;
		return network !== undefined && !['bitcoin', 'mainnet', 'main'].includes(network);
	}
}

export const status = new PublicStatus();
