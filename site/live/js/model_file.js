// How the pages with a model fetch it: what comes is told, and the cached still stands until then.

import { load } from "./safetensors.js";

const kilo = (bytes) => `${Math.round(bytes / 1024)} KiB`;

/** The file, read; `start` is called with it. What goes wrong is told instead. */
export async function fetchModel(address, start, say) {
  try {
    const file = await load(address, (come, all) => {
      say(`Fetching the model: ${kilo(come)} of ${kilo(all)}.`);
      document.getElementById("size").textContent = `Its weights are a download of ${kilo(all)}.`;
    });
    start(file);
  } catch (error) {
    say(`The model could not be fetched (${error.message}). Load the page again.`);
    throw error;
  }
}
