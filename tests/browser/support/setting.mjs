/** What the caller of the tests gives: a running demo, its operator's token, a browser and a folder for pictures. */

function required(name) {
	const value = process.env[name];
	if (!value) throw new Error(`set ${name}; \`cargo xtask test\` does`);
	return value;
}

export const BASE_URL = required('BASE_URL').replace(/\/$/, '');
export const OPERATOR_TOKEN = required('OPERATOR_TOKEN');
export const CHROMIUM = required('CHROMIUM');
export const SHOTS = required('SHOTS');

/** The longest wait for any condition: an epoch of the demo takes seconds, and a loaded machine is slow. */
export const WAIT_MS = 120_000;

/** The example key of BIP 173 under regtest's prefix. */
export const PAYOUT_ADDRESS = 'bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080';
