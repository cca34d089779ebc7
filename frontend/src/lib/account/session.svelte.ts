import { api, ask } from '$lib/api/client';
import { Problem } from '$lib/api/problem';
import type { Account } from '$lib/api/types';

/** Set while signed in, so that a visitor without an account costs no request that must fail. Holds no secret. */
const MARK = 'provenhash.signed-in';

/** Who is signed in here. `undefined`: not known yet; `null`: nobody. The credential itself is an HttpOnly cookie. */
class LoginSession {
	account = $state<Account | null>();

	/** Asks the server who is signed in. */
	async load(): Promise<void> {
		if (localStorage.getItem(MARK) === null) {
			this.account = null;
			return;
		}
		try {
			this.account = await ask(api.GET('/api/v1/account'));
		} catch (thrown) {
			if (!(thrown instanceof Problem) || thrown.status !== 401) throw thrown;
			this.forget();
		}
	}

	async signIn(email: string, password: string): Promise<void> {
		await ask(api.POST('/api/v1/sessions', { body: { email, password } }));
		localStorage.setItem(MARK, '1');
		await this.load();
	}

	/** Makes the account, then signs in. */
	async register(email: string, password: string): Promise<void> {
		await ask(api.POST('/api/v1/accounts', { body: { email, password } }));
		await this.signIn(email, password);
	}

	async signOut(): Promise<void> {
		await ask(api.DELETE('/api/v1/sessions/current'));
		this.forget();
	}

	/** Looks at a refusal: it may say that the server no longer knows this session. */
	heed(problem: Problem): void {
		if (problem.code === 'unauthenticated') this.forget();
	}

	/** The server no longer knows this session. */
	forget(): void {
		localStorage.removeItem(MARK);
		this.account = null;
	}
}

export const session = new LoginSession();
