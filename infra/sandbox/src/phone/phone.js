// The phone page: polls the sandbox and shows it. Whatever comes from the sandbox becomes text,
// never markup.
"use strict";

const POLL_MS = 700;
const query = new URLSearchParams(location.search);
const kept = (key) => { try { return localStorage.getItem(key); } catch { return null; } };
const keep = (key, value) => { try { localStorage.setItem(key, value); } catch { /* a private window */ } };

const page = {
  language: kept("language") || "zh",
  corp: null,
  chosen: null, // {external_userid, userid}
  shown: {}, // what each part showed last, as JSON
  customerChannels: {}, // by link id, as typed
};

const WORDS = {
  scan: ["扫一扫", "Scan"], open: ["打开链接", "Open link"], half: ["单向添加", "Half add"],
  contactWay: ["联系我", "contact way"], link: ["获客链接", "acquisition link"],
  verify: ["需验证", "verifies"], came: ["人添加", "customers"], cameOne: ["人添加", "customer"], noChannels: ["还没有渠道。通过管理接口创建后会出现在这里。", "No channels yet. Make one through the admin API."],
  noCustomers: ["扫一个渠道码，客户就会出现在这里", "Scan a channel and the customer appears here"],
  added: ["已添加了，现在可以开始聊天了。", "added. You can chat now."], half_note: ["已发送好友申请，等待对方确认", "Request sent, waiting for the member to confirm"],
  welcomed: ["欢迎语用时", "welcomed in"], waiting: ["等待欢迎语…", "waiting for the welcome…"], none: ["没有收到欢迎语", "no welcome came"],
  half_s: ["待员工确认", "half add"], full_s: ["好友", "in contact"], left_s: ["客户已删除员工", "customer left"], removed_s: ["员工已删除客户", "member removed"],
  noTags: ["暂无标签", "no tags yet"], remark: ["备注", "remark"], state: ["渠道参数", "state"],
  confirm: ["员工确认", "Member confirms"], leave: ["客户删除员工", "Customer leaves"], remove: ["员工删除客户", "Member removes"], rescan: ["再次添加", "Add again"],
  pause: ["暂停投递", "Pause delivery"], resume: ["恢复投递", "Resume delivery"], again: ["重投", "redeliver"],
  held: ["已暂存", "held"], lost: ["已丢弃", "lost"], pending: ["投递中", "sending"], noAnswer: ["无应答", "no answer"],
  quietEvents: ["还没有事件", "No events yet"], quietCalls: ["还没有接口调用", "No calls yet"], dropped: ["断开", "dropped"],
  say: ["以客户身份发消息", "Write as the customer"], gone: ["连接不上沙箱", "The sandbox does not answer"],
  mini: ["小程序", "Mini program"], video: ["视频", "Video"], file: ["文件", "File"], console: ["来自管理后台", "by the console"], other_app: ["来自其他应用", "by another app"],
};
const word = (key) => WORDS[key][page.language === "zh" ? 0 : 1];
const at = (id) => document.getElementById(id);

function el(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

const badge = (text, kind = "") => el("span", { className: `badge ${kind}`, textContent: text });
const ms = (value) => (value < 10 ? value.toFixed(1) : Math.round(value)) + " ms";
const clock = (value) => new Date(value).toTimeString().slice(0, 8);

function face(name, faded = false) {
  let hue = 0;
  for (const char of name) hue = (hue * 31 + char.codePointAt(0)) % 360;
  const node = el("span", { className: faded ? "face faded" : "face", textContent: [...name][0] || "?" });
  node.style.background = `hsl(${hue} 42% 52%)`;
  return node;
}

async function ask(path, body) {
  const options = body === undefined ? {} : { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  const answer = await fetch(`api/${path}`, options);
  const json = await answer.json();
  if (!answer.ok) throw new Error(json.error || answer.statusText);
  return json;
}

function toast(text) {
  at("toast").textContent = text;
  at("toast").classList.add("up");
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => at("toast").classList.remove("up"), 2600);
}

// Does something and shows at once what came of it.
async function act(path, body) {
  try {
    const answer = await ask(path, body);
    if (answer.external_userid) page.chosen = { external_userid: answer.external_userid, userid: answer.userid };
    await refresh();
  } catch (error) {
    toast(error.message);
  }
}

// Renders a part only if what it shows has changed, so that focus and scrolling stay.
function part(id, data, render) {
  const now = JSON.stringify([page.language, data]);
  if (page.shown[id] === now) return;
  page.shown[id] = now;
  const node = at(id);
  const nodes = render(data);
  node.replaceChildren(...nodes.filter((child) => child !== null));
}

function showChannel(channel) {
  const isLink = channel.kind === "acquisition_link";
  const names = channel.members.map((member) => member.name).join("、");
  const target = () => {
    const typed = page.customerChannels[channel.id];
    return isLink && typed ? `${channel.url}?customer_channel=${encodeURIComponent(typed)}` : channel.id;
  };
  const scan = (half) => act(`corps/${encodeURIComponent(page.corp)}/scan`, { channel: target(), half });
  const input = isLink ? el("input", { placeholder: "customer_channel", value: page.customerChannels[channel.id] || "" }) : null;
  if (input) input.oninput = () => { page.customerChannels[channel.id] = input.value; };
  const chosen = query.get("open") === channel.id;
  return el("article", { className: chosen ? "channel chosen" : "channel" },
    el("img", { src: `qr/${encodeURIComponent(channel.id)}`, alt: "QR", loading: "lazy" }),
    el("h3", { textContent: channel.name || channel.state || channel.id }),
    el("div", {}, badge(word(isLink ? "link" : "contactWay"), isLink ? "link" : ""), " ", channel.skip_verify ? null : badge(word("verify"), "warn")),
    el("code", { textContent: channel.state ? `state ${channel.state}` : channel.id.slice(0, 14) + "…" }),
    el("small", { textContent: `${names} · ${channel.came} ${word(channel.came === 1 ? "cameOne" : "came")}` }),
    input,
    el("div", { className: "row" },
      el("button", { type: "button", textContent: word(isLink ? "open" : "scan"), onclick: () => scan(false) }),
      channel.skip_verify ? el("button", { type: "button", className: "ghost", textContent: word("half"), onclick: () => scan(true) }) : null));
}

function showPerson(customer) {
  const isChosen = page.chosen && page.chosen.external_userid === customer.external_userid && page.chosen.userid === customer.userid;
  const faded = customer.standing === "left" || customer.standing === "removed";
  const node = el("button", { type: "button", title: customer.external_userid }, face(customer.name || "?", faded),
    el("span", { textContent: customer.name }));
  node.setAttribute("role", "tab");
  node.setAttribute("aria-selected", String(Boolean(isChosen)));
  node.onclick = () => { page.chosen = { external_userid: customer.external_userid, userid: customer.userid }; refresh(); };
  return node;
}

function picture(url, className) {
  // Only the sandbox's own pictures are fetched: the page needs no other host.
  return /^media\/[\w-]+$/.test(url || "") ? el("img", { className, src: url, alt: "" }) : el("span", { className });
}

function showBody(message) {
  switch (message.kind) {
    case "text": return el("div", { className: "bubble", textContent: message.content });
    case "image": return picture(message.url, "shot");
    case "link": return el("div", { className: "card" },
      el("div", {}, el("strong", { textContent: message.title }), el("p", { textContent: message.desc })), el("footer", { textContent: message.url }));
    case "miniprogram": return el("div", { className: "card" },
      el("div", {}, el("strong", { textContent: message.title })), picture(message.picurl, "picture"), el("footer", { textContent: `${word("mini")} · ${message.page}` }));
    default: return el("div", { className: "card" },
      el("div", {}, el("strong", { textContent: message.name })), el("footer", { textContent: word(message.kind) }));
  }
}

function showChat(customer) {
  if (!customer) return [el("p", { className: "note", textContent: word("noCustomers") })];
  const nodes = customer.chat.map((message) => {
    const isMine = message.from === "customer";
    const origin = message.from === "console" || message.from === "other_app" ? badge(word(message.from), "flat") : null;
    return el("div", { className: isMine ? "said mine" : "said" },
      face(isMine ? customer.name : customer.member || "?"), el("div", {}, showBody(message), origin));
  });
  const isHalf = customer.standing === "half";
  const intro = isHalf ? word("half_note") : `${customer.member} ${word("added")}`;
  const age = Date.now() - customer.added_ms;
  const timing = el("p", { className: "note" });
  if (customer.welcome_ms === null) timing.append(word(age > 20000 ? "none" : "waiting"));
  else timing.append(`${word("welcomed")} `, el("b", { textContent: ms(customer.welcome_ms) }));
  return [el("p", { className: "note", textContent: clock(customer.added_ms) }), el("p", { className: "note", textContent: intro }), timing, ...nodes];
}

function showFacts(customer) {
  if (!customer) return [];
  const base = `corps/${encodeURIComponent(page.corp)}/customers/${encodeURIComponent(customer.external_userid)}/${encodeURIComponent(customer.userid)}`;
  const button = (action, className = "ghost") => el("button", { type: "button", className, textContent: word(action), onclick: () => act(`${base}/${action}`, {}) });
  const tags = customer.tags.map((tag) => el("span", { className: "tag" }, el("i", { textContent: tag.group }), tag.name));
  const kind = { half: "warn", full: "", left: "bad", removed: "bad" }[customer.standing];
  const state = customer.state ? badge(`${word("state")} ${customer.state}`, "flat") : null;
  const welcome = customer.welcome_ms === null ? null : badge(`${word("welcomed")} ${ms(customer.welcome_ms)}`);
  const remark = customer.remark ? badge(`${word("remark")} ${customer.remark}`, "flat") : null;
  const again = () => act(`corps/${encodeURIComponent(page.corp)}/${customer.state ? "scan" : "add"}`,
    { channel: customer.state, userid: customer.userid, member: customer.userid, customer: customer.external_userid });
  const actions = { half: [button("confirm", ""), button("remove", "ghost danger")], full: [button("leave", "ghost danger"), button("remove", "ghost danger")] };
  const others = [el("button", { type: "button", className: "ghost", textContent: word("rescan"), onclick: again })];
  return [
    el("div", { className: "line" }, badge(word(`${customer.standing}_s`), kind), welcome, state, remark),
    el("div", { className: "line" }, ...(tags.length ? tags : [badge(word("noTags"), "flat")])),
    el("div", { className: "line" }, ...(actions[customer.standing] || others)),
  ];
}

function showEvent(event) {
  const ends = event.attempts.map((attempt) =>
    badge(`${attempt.status ?? word("noAnswer")} · ${ms(attempt.duration_ms)}`, attempt.status === 200 ? "" : "bad"));
  if (event.held) ends.push(badge(word("held"), "warn"));
  if (event.lost) ends.push(badge(word("lost"), "bad"));
  if (event.under_way && !event.attempts.length) ends.push(badge(word("pending"), "flat"));
  const again = el("button", { type: "button", className: "again", title: word("again"), textContent: "↻", onclick: () => act(`events/${event.id}/redeliver`, {}) });
  const [name, change] = event.kind.split("/");
  return el("li", {},
    el("b", { textContent: change || name }), el("span", { className: "ends" }, ...ends, again),
    el("small", { textContent: `${name} → ${event.app}` }), el("time", { textContent: clock(event.at_ms) }));
}

function showCall(call) {
  const failed = call.errcode !== 0 || call.status !== 200;
  const answer = call.errcode === 0 ? "ok" : String(call.errcode);
  const status = call.status === null ? word("dropped") : call.status === 200 ? answer : `HTTP ${call.status}`;
  const warnings = call.warnings.length ? badge("!", "warn") : null;
  if (warnings) warnings.title = call.warnings.join("\n");
  return el("li", {},
    el("b", { textContent: call.api.split("/").slice(-2).join("/") }),
    el("span", { className: "ends" }, warnings, badge(status, failed ? "bad" : ""), badge(ms(call.duration_ms), "flat")),
    el("small", { textContent: call.app || "–" }), el("time", { textContent: clock(call.at_ms) }));
}

const orEmpty = (rows, show, text) => (rows.length ? rows.map(show) : [el("li", {}, el("small", { textContent: text }))]);

function showLatest() {
  at("chat").scrollTop = at("chat").scrollHeight;
  // A picture has no height before it is there.
  for (const image of at("chat").querySelectorAll("img")) image.onload = () => { at("chat").scrollTop = at("chat").scrollHeight; };
}

async function refresh() {
  const corp = encodeURIComponent(page.corp);
  const [overview, { events }, { calls }] = await Promise.all([ask(`corps/${corp}`), ask("events?limit=40"), ask("calls?limit=60")]);
  if (!page.chosen && overview.customers.length) page.chosen = overview.customers[0];
  const chosen = page.chosen;
  const path = chosen && `corps/${corp}/customers/${encodeURIComponent(chosen.external_userid)}/${encodeURIComponent(chosen.userid)}`;
  const customer = path ? await ask(path).catch(() => null) : null;
  const isWaiting = customer && customer.welcome_ms === null && Date.now() - customer.added_ms <= 20000;

  at("count-customers").textContent = overview.counts.customers;
  at("count-events").textContent = overview.counts.events;
  at("count-unexpected").textContent = overview.counts.unexpected;
  at("count-unexpected").className = overview.counts.unexpected ? "bad" : "";
  page.delivery = overview.delivery;
  at("pause").textContent = word(page.delivery.paused ? "resume" : "pause");
  at("chat-member").textContent = customer ? customer.member : "—";
  at("chat-corp").textContent = customer ? `@${page.corp}` : "";
  at("clock").textContent = clock(Date.now()).slice(0, 5);
  at("text").disabled = !customer || customer.standing !== "full";

  part("channels", overview.channels, (rows) => (rows.length ? rows.map(showChannel) : [el("p", { className: "empty", textContent: word("noChannels") })]));
  part("people", [overview.customers, page.chosen], ([rows]) => rows.map(showPerson));
  const before = page.shown.chat;
  part("chat", [customer, isWaiting], ([one]) => showChat(one));
  if (before !== page.shown.chat) showLatest();
  part("facts", customer, showFacts);
  part("events", events.reverse(), (rows) => orEmpty(rows, showEvent, word("quietEvents")));
  part("calls", calls.reverse(), (rows) => orEmpty(rows, showCall, word("quietCalls")));
}

function speak(language) {
  page.language = language;
  keep("language", language);
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  for (const node of document.querySelectorAll("[data-zh]")) node.textContent = node.dataset[language];
  at("language").textContent = language === "zh" ? "English" : "中文";
  at("text").placeholder = word("say");
}

async function poll() {
  try {
    if (!document.hidden) await refresh();
  } catch {
    toast(word("gone"));
  }
  setTimeout(poll, POLL_MS);
}

async function start() {
  speak(query.get("lang") || page.language);
  const { corps } = await ask("corps");
  at("corps").replaceChildren(...corps.map((corp) => el("option", { value: corp.corp_id, textContent: corp.corp_id })));
  page.corp = corps.length ? corps[0].corp_id : null;
  if (query.get("open")) page.customerChannels[query.get("open")] = query.get("customer_channel") || "";
  at("corps").onchange = () => { page.corp = at("corps").value; page.chosen = null; refresh(); };
  at("language").onclick = () => { speak(page.language === "zh" ? "en" : "zh"); refresh(); };
  at("pause").onclick = () => act("delivery", { ...page.delivery, paused: !page.delivery.paused });
  at("write").onsubmit = (event) => {
    event.preventDefault();
    const text = at("text").value.trim();
    if (!text || !page.chosen) return;
    at("text").value = "";
    act(`corps/${encodeURIComponent(page.corp)}/customers/${encodeURIComponent(page.chosen.external_userid)}/${encodeURIComponent(page.chosen.userid)}/write`, { text });
  };
  if (page.corp) await refresh();
  document.querySelector(".chosen")?.scrollIntoView({ block: "center" });
  if (page.corp) poll();
}

start().catch(() => toast(word("gone")));
