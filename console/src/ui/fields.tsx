// Names and values of a record, each with its actions: only, exclude, copy.
import type { Json } from "../api/types";
import { Icon } from "./icons";
import { Copy } from "./bits";

export interface Field {
  name: string; // as the search language writes it
  label: string;
  value: Json;
}

export interface FieldActions {
  only: (name: string, value: string) => void;
  exclude: (name: string, value: string) => void;
  facet?: (name: string) => void;
}

export function textOf(value: Json): string {
  return typeof value === "object" && value !== null ? JSON.stringify(value, null, 2) : String(value);
}

export function FieldTable({ fields, actions }: { fields: Field[]; actions?: FieldActions }) {
  return (
    <dl class="fields">
      {fields.map((field) => {
        const text = textOf(field.value);
        const plain = typeof field.value !== "object" || field.value === null;
        return (
          <div class="field" key={field.name}>
            <dt title={field.label}>{field.label}</dt>
            <dd>
              <span class={`field-value${text.includes("\n") ? " field-block" : ""}`}>{text}</span>
              <span class="field-actions">
                {actions && plain && (
                  <>
                    <button type="button" class="button button-icon button-bare" title={`only ${field.label} ${text}`} aria-label={`only ${field.label} ${text}`} onClick={() => actions.only(field.name, text)}><Icon name="only" size={14} /></button>
                    <button type="button" class="button button-icon button-bare" title={`exclude ${field.label} ${text}`} aria-label={`exclude ${field.label} ${text}`} onClick={() => actions.exclude(field.name, text)}><Icon name="minus" size={14} /></button>
                    {actions.facet && <button type="button" class="button button-icon button-bare" title={`show ${field.label} as a facet`} aria-label={`show ${field.label} as a facet`} onClick={() => actions.facet!(field.name)}><Icon name="plus" size={14} /></button>}
                  </>
                )}
                <Copy text={text} label={`copy ${field.label}`} />
              </span>
            </dd>
          </div>
        );
      })}
    </dl>
  );
}
