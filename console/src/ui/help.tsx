// The keys, on `?`.
import { useEffect, useRef } from "preact/hooks";
import { helpOpen } from "../state/keys";
import { Icon } from "./icons";

const keys: [string, string][] = [
  ["/", "to the search"],
  ["j  k", "next, previous row"],
  ["Enter", "open the row"],
  ["Esc", "close, leave the field"],
  ["g o", "Overview"],
  ["g l", "Logs"],
  ["g t", "Traces"],
  ["g s", "Services"],
  ["g m", "Map"],
  ["g f", "Firewall"],
  ["r", "refresh now"],
  ["p", "pause or resume the live tail"],
  ["h  l", "collapse, expand a span"],
  ["?", "this help"],
];

export function Help() {
  const dialog = useRef<HTMLDialogElement>(null);
  const open = helpOpen.value;
  useEffect(() => {
    if (open && !dialog.current?.open) dialog.current?.showModal();
    if (!open) dialog.current?.close();
  }, [open]);
  return (
    <dialog
      ref={dialog}
      class="dialog"
      aria-label="keyboard"
      data-testid="help"
      onClose={() => (helpOpen.value = false)}
      onClick={(event) => event.target === event.currentTarget && (helpOpen.value = false)}
    >
      <div class="dialog-body">
        <header>
          <h2>Keyboard</h2>
          <button type="button" class="button button-icon button-bare" aria-label="close" onClick={() => (helpOpen.value = false)}><Icon name="close" /></button>
        </header>
        <table class="keys">
          <tbody>
            {keys.map(([key, meaning]) => (
              <tr key={key}>
                <td>{key.split(/\s+/).map((k) => <kbd key={k}>{k}</kbd>)}</td>
                <td>{meaning}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </dialog>
  );
}
