/** Points by WebGL2: one context for all panels, two maps mixed in the vertex shader. */

import { clipTransform } from "./camera";
import type { Palette } from "./colour";
import { mixedOrder, type Look, type PanelView, type Renderer } from "./renderer";

const VERTEX = `#version 300 es
in vec2 a_from;
in vec2 a_to;
in uint a_colour;
in uint a_state;
uniform vec4 u_clip;      // scale x, scale y, offset x, offset y
uniform float u_mix;
uniform float u_size;     // device pixels
uniform float u_opacity;
uniform int u_pass;       // 0: those that recede, 1: those that stand out
uniform bool u_some;      // whether some points are selected
uniform sampler2D u_palette;
out vec4 v_colour;
out float v_radius;
void main() {
  bool hidden = (a_state & 1u) != 0u;
  bool dimmed = (a_state & 2u) != 0u || (u_some && (a_state & 4u) == 0u);
  if (hidden || dimmed == (u_pass == 1)) {
    gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
    gl_PointSize = 0.0;
    return;
  }
  vec2 place = mix(a_from, a_to, u_mix);
  gl_Position = vec4(place * u_clip.xy + u_clip.zw, 0.0, 1.0);
  float size = dimmed ? u_size * 0.85 : u_size;
  gl_PointSize = size + 1.0;  // room for the soft rim
  v_radius = size * 0.5;
  vec3 colour = texelFetch(u_palette, ivec2(int(a_colour), 0), 0).rgb;
  v_colour = vec4(colour, dimmed ? u_opacity * 0.16 : u_opacity);
}`;

const FRAGMENT = `#version 300 es
precision mediump float;
in vec4 v_colour;
in float v_radius;
out vec4 colour;
void main() {
  float d = length(gl_PointCoord - 0.5) * (2.0 * v_radius + 1.0);
  float cover = clamp(v_radius + 0.5 - d, 0.0, 1.0) * v_colour.a;
  if (cover <= 0.0) discard;
  colour = vec4(v_colour.rgb * cover, cover);
}`;

/** Make the drawer, or return null where there is no WebGL2. */
export function createScatter(canvas: HTMLCanvasElement, n: number): Renderer | null {
  // Antialiasing is done in the shader; multisampling would only cost time.
  const gl = canvas.getContext("webgl2", { antialias: false, alpha: true, premultipliedAlpha: true });
  if (gl === null) return null;
  const program = link(gl);
  if (program === null) return null;

  const place = (name: string): WebGLUniformLocation | null => gl.getUniformLocation(program, name);
  const uniform = {
    clip: place("u_clip"), mix: place("u_mix"), size: place("u_size"), opacity: place("u_opacity"),
    pass: place("u_pass"), some: place("u_some"), palette: place("u_palette"),
  };
  const attribute = {
    from: gl.getAttribLocation(program, "a_from"), to: gl.getAttribLocation(program, "a_to"),
    colour: gl.getAttribLocation(program, "a_colour"), state: gl.getAttribLocation(program, "a_state"),
  };
  const positions = new Map<string, WebGLBuffer>();
  const colours = new Map<string, WebGLBuffer>();
  const state = gl.createBuffer();
  gl.bindBuffer(gl.ARRAY_BUFFER, state);
  gl.bufferData(gl.ARRAY_BUFFER, new Uint8Array(n), gl.DYNAMIC_DRAW);
  const order = gl.createBuffer();
  const vertexArray = gl.createVertexArray();
  gl.bindVertexArray(vertexArray);
  gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, order);
  gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, mixedOrder(n), gl.STATIC_DRAW);
  for (const location of Object.values(attribute)) gl.enableVertexAttribArray(location);
  const palette = gl.createTexture();
  gl.useProgram(program);
  gl.enable(gl.BLEND);
  gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  gl.enable(gl.SCISSOR_TEST);
  let ratio = 1;
  let height = 0;

  const store = (kept: Map<string, WebGLBuffer>, name: string, data: Float32Array | Uint8Array): void => {
    const buffer = kept.get(name) ?? gl.createBuffer();
    kept.set(name, buffer);
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.bufferData(gl.ARRAY_BUFFER, data, gl.STATIC_DRAW);
  };
  const pair = (location: number, buffer: WebGLBuffer): void => {
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.vertexAttribPointer(location, 2, gl.FLOAT, false, 0, 0);
  };
  const byte = (location: number, buffer: WebGLBuffer): void => {
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.vertexAttribIPointer(location, 1, gl.UNSIGNED_BYTE, 0, 0);
  };

  return {
    kind: "webgl2",
    setPositions: (name, data) => store(positions, name, data),
    setColours: (name, data) => store(colours, name, data),
    setPalette(colourTable: Palette): void {
      gl.bindTexture(gl.TEXTURE_2D, palette);
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, 256, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, colourTable);
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
    },
    setState(bits: Uint8Array): void {
      gl.bindBuffer(gl.ARRAY_BUFFER, state);
      gl.bufferSubData(gl.ARRAY_BUFFER, 0, bits);
    },
    resize(cssWidth: number, cssHeight: number, pixelRatio: number): void {
      ratio = pixelRatio;
      height = Math.round(cssHeight * ratio);
      canvas.width = Math.max(1, Math.round(cssWidth * ratio));
      canvas.height = Math.max(1, height);
    },
    draw(panels: readonly PanelView[], look: Look): void {
      gl.scissor(0, 0, canvas.width, canvas.height);
      gl.clearColor(0, 0, 0, 0);
      gl.clear(gl.COLOR_BUFFER_BIT);
      gl.uniform1f(uniform.opacity, look.opacity);
      gl.uniform1i(uniform.some, look.someSelected ? 1 : 0);
      for (const panel of panels) {
        const from = positions.get(panel.from);
        const to = positions.get(panel.to);
        const colour = colours.get(panel.colours);
        if (from === undefined || to === undefined || colour === undefined) continue;
        const { rect } = panel;
        const box = [
          Math.round(rect.left * ratio),
          Math.round(height - (rect.top + rect.height) * ratio),
          Math.round(rect.width * ratio),
          Math.round(rect.height * ratio),
        ] as const;
        gl.viewport(...box);
        gl.scissor(...box);
        pair(attribute.from, from);
        pair(attribute.to, to);
        byte(attribute.colour, colour);
        byte(attribute.state, state);
        const clip = clipTransform(panel.camera, panel.extent, rect);
        gl.uniform4f(uniform.clip, clip.sx, clip.sy, clip.ox, clip.oy);
        gl.uniform1f(uniform.mix, panel.mix);
        gl.uniform1f(uniform.size, panel.size * ratio);
        for (const pass of look.someDimmed ? [0, 1] : [1]) {
          gl.uniform1i(uniform.pass, pass);
          gl.drawElements(gl.POINTS, Math.min(n, look.most), gl.UNSIGNED_INT, 0);
        }
      }
    },
    dispose(): void {
      // One that the browser took away is gone already.
      if (!gl.isContextLost()) gl.getExtension("WEBGL_lose_context")?.loseContext();
    },
  };
}

function link(gl: WebGL2RenderingContext): WebGLProgram | null {
  const program = gl.createProgram();
  for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]] as const) {
    const shader = gl.createShader(kind);
    if (shader === null) return null;
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  return gl.getProgramParameter(program, gl.LINK_STATUS) === true ? program : null;
}
