// Counts by field beside the rows; a click narrows the search.
import { useState } from "preact/hooks";
import type { Facet } from "../../api/types";
import { count, exact } from "../../lib/format";
import { addFilter, excludeFilter, filterState, includeFilter, removeFilter } from "../../lib/query";
import { Icon } from "../../ui/icons";

export const defaultFacets = ["service", "level", "status", "source", "host", "@http.route"];

interface Props {
  facets: Facet[] | undefined;
  fields: string[];
  query: string;
  stale: boolean;
  onQuery: (query: string) => void;
  onFields: (fields: string[]) => void;
}

function Value({ field, value, share, n, query, onQuery }: { field: string; value: string; share: number; n: number; query: string; onQuery: (q: string) => void }) {
  const state = filterState(query, field, value);
  const shown = value === "" ? "(empty)" : value;
  const toggle = () => onQuery(state === "none" ? includeFilter(query, field, value) : removeFilter(query, field, value));
  return (
    <li class={`facet-value facet-${state}`} data-testid="facet-value" data-value={value}>
      <button type="button" class="facet-pick" onClick={toggle} aria-pressed={state === "included"} title={`${field}: ${shown} — ${exact(n)} records`}>
        <span class="facet-bar" style={{ width: `${share * 100}%` }} />
        <span class={`facet-name${field === "level" ? ` level-text-${value}` : ""}`}>{shown}</span>
        <span class="facet-count">{count(n)}</span>
      </button>
      <span class="facet-actions">
        <button type="button" class="button button-icon button-bare" title={`only ${shown}`} aria-label={`only ${field} ${shown}`} onClick={() => onQuery(addFilter(query, field, value))}><Icon name="only" size={13} /></button>
        <button type="button" class="button button-icon button-bare" title={`exclude ${shown}`} aria-label={`exclude ${field} ${shown}`} data-testid="facet-exclude" onClick={() => onQuery(state === "excluded" ? removeFilter(query, field, value) : excludeFilter(query, field, value))}><Icon name="minus" size={13} /></button>
      </span>
    </li>
  );
}

export function Facets({ facets, fields, query, stale, onQuery, onFields }: Props) {
  const [added, setAdded] = useState("");
  return (
    <aside class={`facets${stale ? " stale" : ""}`} aria-label="facets" data-testid="facets">
      {fields.map((field) => {
        const facet = facets?.find((f) => f.field === field);
        const top = Math.max(1, ...(facet?.values.map((v) => v.count) ?? []));
        return (
          <details class="facet" key={field} open>
            <summary>
              <Icon name="chevron" size={12} />
              <span>{field}</span>
              <button type="button" class="button button-icon button-bare facet-remove" title={`remove ${field}`} aria-label={`remove the facet ${field}`} onClick={(event) => { event.preventDefault(); onFields(fields.filter((f) => f !== field)); }}><Icon name="close" size={11} /></button>
            </summary>
            {facet && facet.values.length === 0 && <p class="quiet facet-nothing">no values here</p>}
            <ul>
              {facet?.values.map((v) => <Value key={v.value} field={field} value={String(v.value)} n={v.count} share={v.count / top} query={query} onQuery={onQuery} />)}
            </ul>
          </details>
        );
      })}
      <form
        class="facet-add"
        onSubmit={(event) => {
          event.preventDefault();
          const name = added.trim();
          if (name !== "" && !fields.includes(name)) onFields([...fields, name]);
          setAdded("");
        }}
      >
        <input class="input" placeholder="Add a field, e.g. @user.id" aria-label="add a facet" value={added} onInput={(event) => setAdded(event.currentTarget.value)} />
      </form>
    </aside>
  );
}
