import { expect, it } from 'vitest';
import { Problem, problemOf, toProblem } from './problem';

it('a problem document speaks in sentences, field by field', () => {
	const problem = problemOf(422, {
		code: 'invalid_request',
		detail: 'one field has to change',
		errors: [{ field: 'payout_address', detail: 'not an address of regtest' }, { field: 7 }]
	});
	expect([problem.code, problem.message]).toEqual(['invalid_request', 'One field has to change.']);
	expect(problem.of('payout_address')).toBe('Not an address of regtest.');
	expect(problem.of('units_hs')).toBeUndefined();
});

it.each([undefined, null, 'Bad gateway', { detail: 7 }])('a body that is no problem document (%s) still says what to do', (body) =>
	expect(problemOf(502, body).message).toContain('502')
);

it('whatever is thrown becomes a problem', () => {
	const problem = Problem.unreachable();
	expect(toProblem(problem)).toBe(problem);
	expect(toProblem(new Error('no disk')).message).toBe('no disk');
});
