import { expect, it } from 'vitest';
import { policyFacts } from './policy';

it('a policy names its log key, witnesses and quorum', () =>
	expect(
		policyFacts('# trust\nlog pool.example+1a2b3c4d+AbCd https://pool.example\nwitness w1 w1.example+00+x\ngroup g any w1\nquorum g\n')
	).toEqual({ logKeys: ['pool.example+1a2b3c4d+AbCd'], witnesses: ['w1'], quorum: 'g' }));

it('comments and unknown lines are not keys', () =>
	expect(policyFacts('# log not+a+key\nlogs a+b+c\n')).toEqual({ logKeys: [], witnesses: [], quorum: null }));
