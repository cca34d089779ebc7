import { expect, it } from 'vitest';
import { claimsOnly } from './claims';

it('credits of settlements, accruals and conclusions are claimed apart, as the verifier reads them', () => {
	const credits = [
		{ settlement: null, accrual: null, conclusion: 5, credit_sats: 3, leaf_index: 40 },
		{ settlement: null, accrual: 4, conclusion: null, credit_sats: 9, leaf_index: 30 },
		{ settlement: 2, accrual: null, conclusion: null, credit_sats: 7, leaf_index: 20 }
	];
	const epochs = [{ epoch: 1, units_hs: '5', work: '6' }];
	expect(claimsOnly({ epochs, credits })).toEqual({
		epochs: [{ epoch: 1, work: '6' }],
		credits: [{ settlement: 2, credit_sats: 7 }],
		accruals: [{ accrual: 4, credit_sats: 9 }],
		conclusions: [{ conclusion: 5, credit_sats: 3 }]
	});
});
