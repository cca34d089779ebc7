-- The payment server's own word for where an invoice stands, to be shown; nothing is decided by it.
ALTER TABLE invoices ADD COLUMN gateway_status TEXT;
