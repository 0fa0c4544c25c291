-- The shop's tables.  Applied at every start, so each statement works on a new database and on an old one.
create table if not exists products (
  id           integer primary key,
  name         text    not null,
  category     text    not null,
  description  text    not null,
  price_cents  integer not null check (price_cents > 0),
  stock        integer not null check (stock >= 0),
  hue          integer not null check (hue between 0 and 359),
  words        tsvector generated always as
                 (setweight(to_tsvector('english', name), 'A') ||
                  setweight(to_tsvector('english', category || ' ' || description), 'B')) stored
);
create index if not exists products_words on products using gin (words);
create index if not exists products_category on products (category, id);

-- `key` is made by the page with the checkout button: pressing it twice, or sending it again after a broken connection,
-- finds the order that is already there.
create table if not exists orders (
  id           bigint generated always as identity primary key,
  key          uuid        not null unique,
  total_cents  integer     not null check (total_cents >= 0),
  placed_at    timestamptz not null default now()
);
create table if not exists order_lines (
  order_id     bigint  not null references orders (id),
  product_id   integer not null references products (id),
  quantity     integer not null check (quantity > 0),
  price_cents  integer not null,
  primary key (order_id, product_id)
);
