/** The page's elements: found, made, and answered to. */

/** The element of an id. */
export function at(id) {
  return document.getElementById(id);
}

/** An element with properties and children. */
export function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

/** A button with a text, a name for those who cannot see it, and an action. */
export function button(textContent, ariaLabel, onclick) {
  return element("button", { type: "button", textContent, ariaLabel, onclick });
}

/** A slider with its name and its value in words. */
export function slider(name, properties, words) {
  const input = element("input", { type: "range", ...properties });
  const output = element("output");
  const show = () => { output.textContent = words(Number(input.value)); };
  input.addEventListener("input", show);
  show();
  const row = element(
    "label", { className: "slider" }, element("span", { textContent: name }), input, output);
  return { row, input, show };
}
