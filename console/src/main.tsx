import { render } from "preact";
import "@preact/signals";
import "uplot/dist/uPlot.min.css";
import { App } from "./app";

render(<App />, document.getElementById("app")!);
