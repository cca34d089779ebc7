-- An offer has a price of its own, or follows the hashprice that is logged: then it has millionths of that.
ALTER TABLE offers ADD COLUMN fixed_sats_per_ths_day BIGINT CHECK (fixed_sats_per_ths_day > 0);
UPDATE offers SET fixed_sats_per_ths_day = price_sats_per_ths_day;
ALTER TABLE offers DROP COLUMN price_sats_per_ths_day;
ALTER TABLE offers RENAME COLUMN fixed_sats_per_ths_day TO price_sats_per_ths_day;
ALTER TABLE offers ADD COLUMN hashprice_ppm BIGINT
    CHECK (hashprice_ppm > 0 AND (hashprice_ppm IS NULL) <> (price_sats_per_ths_day IS NULL));

ALTER TABLE quotes ADD COLUMN fixed_sats_per_ths_day BIGINT CHECK (fixed_sats_per_ths_day > 0);
UPDATE quotes SET fixed_sats_per_ths_day = price_sats_per_ths_day;
ALTER TABLE quotes DROP COLUMN price_sats_per_ths_day;
ALTER TABLE quotes RENAME COLUMN fixed_sats_per_ths_day TO price_sats_per_ths_day;
ALTER TABLE quotes ADD COLUMN hashprice_ppm BIGINT
    CHECK (hashprice_ppm > 0 AND (hashprice_ppm IS NULL) <> (price_sats_per_ths_day IS NULL));
-- The log entry with the hashprice that the quote is of. More than 64 bits on easy test networks.
ALTER TABLE quotes ADD COLUMN hashprice_index BIGINT
    CHECK ((hashprice_index IS NULL) = (hashprice_ppm IS NULL));
ALTER TABLE quotes ADD COLUMN hashprice_sats_per_phs_day TEXT
    CHECK ((hashprice_sats_per_phs_day IS NULL) = (hashprice_ppm IS NULL));
