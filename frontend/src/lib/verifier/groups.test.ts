import { expect, it } from 'vitest';
import { groupChecks } from './groups';
import type { Check } from './report';

const check = (id: string) => ({ id }) as Check;

it('every check stands somewhere, also one that this page does not know', () => {
	const groups = groupChecks(['settle.sum', 'log.signed', 'moon.phase', 'log.grew'].map(check));
	expect(groups.map(({ checks }) => checks.map(({ id }) => id))).toEqual([
		['log.signed', 'log.grew'],
		['settle.sum'],
		['moon.phase']
	]);
});
