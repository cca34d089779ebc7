/** What the verifier asks the server for, and a server that answers as the test wants. */

const SHARES = /\/epoch\/(\d+)\/shares$/;

/** Records from now on of which epochs shares are asked; a verifier may ask for one epoch's shares in several pieces. */
export function watchShares(context) {
	const asked = new Set();
	const listener = (request) => {
		const epoch = SHARES.exec(new URL(request.url()).pathname)?.[1];
		if (epoch !== undefined) asked.add(Number(epoch));
	};
	context.on('request', listener);
	return { asked, stop: () => context.off('request', listener) };
}

/** Requests for shares are answered only while `allowed(epoch)`; the others wait until `release`, if ever. */
export async function holdShares(context, allowed) {
	const held = [];
	const route = (route) => {
		const epoch = Number(SHARES.exec(new URL(route.request().url()).pathname)[1]);
		if (allowed(epoch)) return route.continue();
		held.push(route);
	};
	await context.route(SHARES, route);
	return { held, release: () => context.unroute(SHARES, route) };
}
