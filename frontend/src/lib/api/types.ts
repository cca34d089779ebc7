import type { paths } from './schema';

/** The JSON body of a successful GET, whatever the OpenAPI document calls its schema. */
type Read<Path extends keyof paths> = paths[Path] extends {
	get: { responses: { 200: { content: { 'application/json': infer Body } } } };
}
	? Body
	: never;
type Item<List> = List extends { items: (infer One)[] } ? One : never;

export type Account = Read<'/api/v1/account'>;
export type Addresses = Read<'/api/v1/account/addresses'>;
export type ListedAddress = Addresses['listed'][number];
export type Refunds = Read<'/api/v1/account/refunds'>;
export type Offer = Read<'/api/v1/offers/{id}'>;
export type Contract = Read<'/api/v1/contracts/{id}'>;
export type ContractStatus = Contract['status'];
export type Life = NonNullable<Contract['life']>;
export type Receipt = NonNullable<Contract['receipt']>;
export type Invoice = Read<'/api/v1/contracts/{id}/invoice'>;
export type ContractEpoch = Item<Read<'/api/v1/contracts/{id}/epochs'>>;
export type Credit = Item<Read<'/api/v1/contracts/{id}/credits'>>;
export type ContractPayout = Item<Read<'/api/v1/contracts/{id}/payouts'>>;
export type Terms = Read<'/api/v1/terms/{index}'>;
export type Quote = paths['/api/v1/quotes']['post']['responses'][201]['content']['application/json'];
export type Reserves = Read<'/api/v1/reserves'>;
export type Status = Read<'/api/v1/status'>;
