// The search field of logs and traces: applied with Enter, its errors shown at the place the server names.
import { useEffect, useState } from "preact/hooks";
import type { ApiError } from "../api/client";
import { charOffset } from "../lib/query";
import { Icon } from "./icons";
import { Popover } from "./popover";
import { SyntaxHelp } from "./syntax_help";

interface Props {
  value: string;
  onApply: (query: string) => void;
  placeholder: string;
  error?: ApiError;
  spans?: boolean;
}

export function SearchBox({ value, onApply, placeholder, error, spans }: Props) {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  const located = error?.offset !== undefined && text === value;
  const at = located ? charOffset(text, error!.offset!) : 0;
  return (
    <form
      class="search"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        onApply(text.trim());
      }}
    >
      <div class={`search-field${error ? " search-bad" : ""}`}>
        <Icon name="search" />
        <input
          data-search
          data-testid="search"
          type="text"
          value={text}
          placeholder={placeholder}
          aria-label="search"
          aria-invalid={error !== undefined}
          spellcheck={false}
          autocomplete="off"
          autocapitalize="off"
          onInput={(event) => setText(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key !== "Escape") return;
            event.preventDefault();
            setText(value);
            event.currentTarget.blur();
          }}
        />
        {text !== "" && (
          <button
            type="button"
            class="button button-icon button-bare"
            title="clear the search"
            aria-label="clear the search"
            onClick={() => {
              setText("");
              onApply("");
            }}
          >
            <Icon name="close" />
          </button>
        )}
        <kbd class="search-key">/</kbd>
        <Popover title="how to search" class="button-icon button-bare" label={<Icon name="help" />} testid="search-help">
          {() => <SyntaxHelp spans={spans} />}
        </Popover>
      </div>
      {error && (
        <div class="search-error" role="alert" data-testid="search-error">
          {located && (
            <code class="search-where">
              {text.slice(0, at)}
              <mark>{text.slice(at, at + 1) || " "}</mark>
              {text.slice(at + 1)}
            </code>
          )}
          <span>{error.message}</span>
          {error.hint && <span class="quiet">{error.hint}</span>}
        </div>
      )}
    </form>
  );
}
