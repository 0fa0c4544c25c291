// Keys.  The view on top of the page registers what its keys do; while a text field has the focus only Escape acts.
import { useEffect, useRef } from "preact/hooks";
import { signal } from "@preact/signals";
import { href, navigate } from "./route";

export type Bindings = Record<string, (event: KeyboardEvent) => void>;

const stack: { current: Bindings }[] = [];
export const helpOpen = signal(false);

const views: Record<string, string> = { o: "/", l: "/logs", t: "/traces", s: "/services", m: "/map", f: "/firewall" };
const chordMs = 1200;
let chordUntil = 0;

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

// A button or link that has the focus keeps its own Enter and Space.
function isControl(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("button, a, summary, [role=menuitem], [role=tab], [role=separator]") !== null;
}

window.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (isTyping(event.target) && event.key !== "Escape") return;
  const now = Date.now();
  if (now < chordUntil) {
    chordUntil = 0;
    const to = views[event.key];
    if (to) {
      event.preventDefault();
      navigate(href(to));
      return;
    }
  }
  if (event.key === "g") {
    chordUntil = now + chordMs;
    return;
  }
  if (event.key === "?") {
    event.preventDefault();
    helpOpen.value = true;
    return;
  }
  if (event.key === "Enter" && isControl(event.target)) return;
  for (let i = stack.length - 1; i >= 0; --i) {
    const action = stack[i]!.current[event.key];
    if (action) {
      event.preventDefault();
      action(event);
      return;
    }
  }
});

export function useKeys(bindings: Bindings): void {
  const current = useRef(bindings);
  current.current = bindings;
  useEffect(() => {
    stack.push(current);
    return () => void stack.splice(stack.indexOf(current), 1);
  }, []);
}

// `/` puts the cursor into the search box of the view.
export function focusSearch(): void {
  const box = document.querySelector<HTMLInputElement>("[data-search]");
  box?.focus();
  box?.select();
}
