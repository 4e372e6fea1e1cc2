Feature: An identity that holds two people is taken apart, and that is taken back
  A number was used for two people, and what came in looked like one person's. A clerk names the studies and orders of
  the other person: they become a new identity's under the same number. Whoever was wrong about it takes it back.

  Background:
    Given the establishments CHB and CHP are enrolled
    And CHB sent 3 studies of two people under one number, and they are one identity
    And CHB placed 2 orders for that identity

  Rule: I14, an identity that holds two people is taken apart by its studies and orders

    @live
    Scenario: The third study is the other person's
      When the third study is split off because "asked at the desk"
      Then they are two, the first with 2 studies and the other with 1
      And the other is flagged collision, and the first no more

    @live
    Scenario: An order goes with the study of the other person
      When the third study and the second order are split off because "asked at the desk"
      Then they are two, the first with 2 studies and the other with 1
      And the first has the first order, and the other the second
      And each order tells what was asked

    Scenario: An order alone was placed for the wrong person
      When the second order is split off because "asked at the desk"
      Then they are two, the first with 3 studies and the other with 0
      And the first has the first order, and the other the second

    Scenario: An order goes on where it was moved to
      Given the third study and the second order are split off because "asked at the desk"
      When CHB schedules the second order, and then cancels it
      Then the first has the first order, and the other the second
      And each order tells what was asked

    Scenario: Who is erased takes the words of their own orders along, and of no others
      Given the third study and the second order are split off because "asked at the desk"
      When the first is erased
      Then the second order alone tells what was asked

    Scenario: What comes in later goes on to whom it is of
      Given the third study is split off as Michel, born on 1980-06-06
      When CHB sends another study of Michel, born on 1980-06-06
      Then they are two, the first with 2 studies and the other with 2

    Scenario: A study of somebody else is named
      When a study of another identity is split off
      Then the ledger refuses with NothingToSplit, rule I14: "name its own studies alone"

    Scenario: An order of somebody else is named
      When an order of another identity is split off
      Then the ledger refuses with NothingToSplit, rule I14: "name its own orders alone"

  Rule: I15, what is stated of the other person tells the two apart

    Scenario: The other person is stated as the first one is known
      When the third study is split off as the first one is known
      Then the ledger refuses with SamePerson, rule I15: "state what tells the two apart"

  Rule: I16, a split is taken back once, with all that is still where the split put it

    @live
    Scenario: The wrong studies were chosen
      Given the third study and the second order are split off because "asked at the desk"
      When the split is taken back because "the desk was wrong"
      Then the first has 3 studies and both orders, and the other has nothing
      And the first is flagged traits_differ again, and the other is not flagged
      And the history of either tells of the split, and that it was taken back

    Scenario: It is taken back twice
      Given the third study is split off because "asked at the desk"
      And the split is taken back because "the desk was wrong"
      When the split is taken back because "the desk was wrong"
      Then the ledger refuses with NothingToUndo, rule I16: "was taken back already: nothing to do"
      And the first has 3 studies and both orders, and the other has nothing

    Scenario: The identity that held two people is named
      Given the third study is split off because "asked at the desk"
      When the split of the first is taken back
      Then the ledger refuses with NothingToUndo, rule I16: "name the identity that was split off"

    Scenario: After that it is split anew
      Given the third study is split off because "asked at the desk"
      And the split is taken back because "the desk was wrong"
      When the first study is split off because "asked once more"
      Then they are two, the first with 2 studies and the other with 1

    Scenario: What comes in later is not taken for an identity that was emptied
      Given the third study is split off as Michel, born on 1980-06-06
      And the split is taken back because "the desk was wrong"
      When CHB sends another study of Michel, born on 1980-06-06
      Then the first has 3 studies and both orders, and the other has nothing
      And whom that study is of is flagged collision

    Scenario: The number is the first one's alone again
      Given the third study is split off because "asked at the desk"
      And the split is taken back because "the desk was wrong"
      When CHB announces that the number is of Marie, born on 1950-03-04
      Then that is known already, of the first

    Scenario: A study was reassigned meanwhile, and stays where it is
      Given the second and the third study are split off because "asked at the desk"
      And the third study is reassigned to somebody else
      When the split is taken back because "the desk was wrong"
      Then the answer names the third study as moved on
      And the first has 2 studies and both orders, and the other has nothing

    Scenario: A study was withdrawn meanwhile: it goes back, and stays hidden
      Given the third study is split off because "asked at the desk"
      And the third study is withdrawn
      When the split is taken back because "the desk was wrong"
      Then the first has 2 studies and both orders, and the other has nothing
      And the record of the first counts 1 study that is hidden

    Scenario: The other person was there meanwhile
      Their study stays with them, and two people bear the number still.
      Given the third study is split off as Michel, born on 1980-06-06
      And CHB sends another study of Michel, born on 1980-06-06
      When the split is taken back because "the desk was wrong"
      Then the answer names that study as kept
      And they are two, the first with 3 studies and the other with 1
      And the other is flagged collision still

    Scenario: The exam of an order was made of the other person meanwhile
      Given the second order is split off as Michel, born on 1980-06-06
      And CHB sends another study of Michel, born on 1980-06-06
      And that study was made of the second order
      When the split is taken back because "the desk was wrong"
      Then the first has the first order, and the other the second

    Scenario: An order goes back with the study that was made of it
      Given the third study was made of the second order
      And the third study and the second order are split off because "asked at the desk"
      When the split is taken back because "the desk was wrong"
      Then the first has 3 studies and both orders, and the other has nothing

    @live
    Scenario: A merge shows the two as one person, too
      Given the third study is split off because "asked at the desk"
      When the two are merged because "the desk was wrong"
      Then the record of either shows 3 studies

    Scenario: The two were merged meanwhile
      Given the third study is split off because "asked at the desk"
      And the two are merged because "the desk was wrong"
      When the split is taken back because "the desk was wrong"
      Then the record of either shows 3 studies

  Rule: I17, a split stands while something rests on it

    Scenario: The new identity is known elsewhere
      Given the third study is split off because "asked at the desk"
      And the other is merged with an identity of CHP
      When the split is taken back because "the desk was wrong"
      Then the ledger refuses with SplitStands, rule I17: "unmerge the two first"
      And they are apart, the first with 2 studies and the other with 1

    Scenario: Somebody said that the two are never one person
      Given the third study is split off because "asked at the desk"
      And the two are barred from each other
      When the split is taken back because "the desk was wrong"
      Then the ledger refuses with SplitStands, rule I17: "lift the bar first"

    Scenario: The new identity was split, too
      Given the second and the third study are split off because "asked at the desk"
      And the third study is split off the other
      When the split is taken back because "the desk was wrong"
      Then the ledger refuses with SplitStands, rule I17: "take the split of"

    Scenario: The other person refused what the first did not
      What they said protects the studies that are theirs: it would protect them no more.
      Given the third study is split off because "asked at the desk"
      And the other opposes that anybody sees their record
      When the split is taken back because "the desk was wrong"
      Then the ledger refuses with SplitStands, rule I17: "lift that first, or merge the two"

    Scenario: The other person left out of a consent what the first did not
      Given the third study is split off because "asked at the desk"
      And the other consents to CHP, but for the third study
      When the split is taken back because "the desk was wrong"
      Then the ledger refuses with SplitStands, rule I17: "revoke it first, or merge the two"

    Scenario: Both left it out
      Given the third study is split off because "asked at the desk"
      And the other consents to CHP, but for the third study
      And the first consents to CHP, but for the third study
      When the split is taken back because "the desk was wrong"
      Then the first has 3 studies and both orders, and the other has nothing

    Scenario: The erasure of the new identity is held
      Given the third study is split off because "asked at the desk"
      And a legal hold is placed on the other
      When the split is taken back because "the desk was wrong"
      Then the ledger refuses with SplitStands, rule I17: "cancel or release it first"

    Scenario: The new identity was erased
      Given the third study is split off because "asked at the desk"
      And the other is erased
      When the split is taken back because "the desk was wrong"
      Then the ledger refuses with Erased, rule I7: "was erased"

  Rule: I18, what protects a person protects both parts, until a human says whose it is

    Scenario: The person refused that anybody sees their record
      Nobody knows yet which of the two said so.
      Given the first opposes that anybody sees their record
      When the third study is split off because "asked at the desk"
      Then both oppose that anybody sees their record
      And the answer names opposition:consult:everyone as for both
      And both are flagged statements_of_two

    Scenario: It was said for another identity of the person
      The new identity is no part of that person: what came in for it would be shown to whom it was refused.
      Given the first is one person with an identity of CHP, which opposes that anybody sees their record
      When the third study is split off because "asked at the desk"
      Then the other opposes that anybody sees their record
      And the answer names opposition:consult:everyone as for both
      And both are flagged statements_of_two

    Scenario: It was said for another identity of the person, and the split is taken back
      Given the first is one person with an identity of CHP, which opposes that anybody sees their record
      And the third study is split off because "asked at the desk"
      When the split is taken back because "the desk was wrong"
      Then the other opposes nothing any more

    Scenario: Taken back after that other identity was found to be somebody else
      It would protect the studies no more.
      Given the first is one person with an identity of CHP, which opposes that anybody sees their record
      And the third study is split off because "asked at the desk"
      And that identity is no more the first one's person
      When the split is taken back because "the desk was wrong"
      Then the ledger refuses with SplitStands, rule I17: "lift that first, or merge the two"

    Scenario: A clerk says whose it is
      Given the first opposes that anybody sees their record
      And the third study is split off because "asked at the desk"
      When the opposition of the other is lifted
      Then the first alone opposes that anybody sees their record

    Scenario: What a consent leaves out is refused to its party for the other part
      Nobody consented for the other person: so nothing of them is shown to that party.
      Given the first consents to CHP, but for the third study
      When the third study is split off because "asked at the desk"
      Then the other opposes that CHP sees their record, and consents to nobody
      And the first consents to CHP, but for the third study

    Scenario: A legal hold stops the erasure of either part
      Given a legal hold is placed on the first
      When the third study is split off because "asked at the desk"
      Then no erasure of the first or of the other can be approved
      And the answer names hold:case 26/00007 as for both

    Scenario: A flag that warns of the person warns of both
      Given the first is flagged DOUT and HOMA
      When the third study is split off because "asked at the desk"
      Then the other is flagged DOUT, HOMA and collision

    Scenario: The split is taken back, and the first is protected as before
      Given the first opposes that anybody sees their record
      And a legal hold is placed on the first
      And the first is flagged DOUT and HOMA
      And the third study is split off because "asked at the desk"
      When the split is taken back because "the desk was wrong"
      Then the first alone opposes that anybody sees their record
      And the first alone is held
      And the first is flagged DOUT, HOMA and traits_differ, and the other is not flagged

    Scenario: Taken back after a clerk said that it was the other who refused
      It would protect their studies no more.
      Given the first opposes that anybody sees their record
      And the third study is split off because "asked at the desk"
      And the opposition of the first is lifted
      When the split is taken back because "the desk was wrong"
      Then the ledger refuses with SplitStands, rule I17: "lift that first, or merge the two"

    Scenario: Taken back where something came in under the other since
      Given the first opposes that anybody sees their record
      And the third study is split off as Michel, born on 1980-06-06
      And CHB sends another study of Michel, born on 1980-06-06
      When the split is taken back because "the desk was wrong"
      Then both oppose that anybody sees their record
      And both are flagged statements_of_two
